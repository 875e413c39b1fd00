import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type AgentFacts, renderAgentMetrics } from '../../../../src/dp/metrics/agent-metrics.ts';

const facts: AgentFacts = {
  mesh: 'default',
  name: 'web-1',
  version: '0.1.0',
  envoyVersion: '1.40.0',
  state: 'ready',
  ready: true,
  stale: false,
  staleSeconds: undefined,
  connected: true,
  nacks: 3,
  epoch: 2,
  handOverRefused: true,
  listenersHeldBack: 2,
  counts: { envoyRestarts: 1, hotRestarts: 2, hotRestartsFailed: 0, refusals: 9 },
  startedAt: 1_900_000_000,
  residentBytes: 60_000_000,
};

describe('the metrics of an agent', () => {
  test('have the documented names, each with its help and type', () => {
    const text = renderAgentMetrics(facts);
    for (const line of [
      'kuma_dp_info{mesh="default",name="web-1",version="0.1.0",envoy_version="1.40.0"} 1',
      'kuma_dp_ready{mesh="default",name="web-1"} 1',
      'kuma_dp_degraded{mesh="default",name="web-1"} 0',
      'kuma_dp_stale{mesh="default",name="web-1"} 0',
      'kuma_dp_connected{mesh="default",name="web-1"} 1',
      'kuma_dp_nacks_total{mesh="default",name="web-1"} 3',
      'kuma_dp_envoy_restarts_total{mesh="default",name="web-1"} 1',
      'kuma_dp_hot_restarts_total{mesh="default",name="web-1"} 2',
      'kuma_dp_hand_over_refused{mesh="default",name="web-1"} 1',
      'kuma_dp_listeners_held_back{mesh="default",name="web-1"} 2',
      'kuma_dp_envoy_epoch{mesh="default",name="web-1"} 2',
    ])
      expect(text).toContain(`\n${line}\n`);
    const names = [...text.matchAll(/^(kuma_dp_\w+)/gm)].map(([, name]) => name);
    for (const name of names) {
      expect(text).toContain(`# HELP ${name} `);
      expect(text).toMatch(new RegExp(`# TYPE ${name} ${name?.endsWith('_total') ? 'counter' : 'gauge'}\n`));
    }
  });

  test('are all in the table that operators read', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/running-on-vms.md'), 'utf8');
    const text = renderAgentMetrics({ ...facts, staleSeconds: 1 });
    for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm))
      expect(page).toMatch(new RegExp(`^\\|.*\`${name}\`.*\\| ${type} \\|`, 'm'));
  });

  test('name the state the agent is in, and only that one', () => {
    const text = renderAgentMetrics({ ...facts, state: 'handing-over' });
    const active = [...text.matchAll(/kuma_dp_state\{.*state="([\w-]+)"\} 1/g)].map(([, state]) => state);
    expect(active).toEqual(['handing-over']);
    expect(text).toContain('state="ready"} 0');
  });

  test('say nothing about what is not known', () => {
    const text = renderAgentMetrics({
      ...{ ...facts, connected: undefined, nacks: undefined, listenersHeldBack: undefined },
    });
    expect(text).not.toContain('kuma_dp_connected');
    expect(text).not.toContain('kuma_dp_stale_seconds');
    expect(text).not.toContain('kuma_dp_listeners_held_back');
    expect(text).toContain('kuma_dp_nacks_total{mesh="default",name="web-1"} 9');
  });

  test('a name with quotes or line ends cannot forge a line', () => {
    const text = renderAgentMetrics({ ...facts, name: 'a"} 1\nkuma_dp_ready 0\\' });
    expect(text).toContain('name="a\\"} 1\\nkuma_dp_ready 0\\\\"');
    expect(text).not.toMatch(/^kuma_dp_ready 0/m);
  });
});
