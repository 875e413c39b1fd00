import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nobodyAt } from '../../support/ports.ts';
import { Bench, until } from './support/agent.ts';

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

afterEach(() => bench.dispose());

test('all mistakes in the settings are told, one a line, with the exit code for them', async () => {
  const agent = bench.start(['run', '--admin-port', 'x', '--cp-address', 'nowhere']);
  expect(await agent.exited).toBe(2);
  const lines = agent.output().trim().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines.every((line) => line.startsWith('kuma-dp: '))).toBe(true);
});

test('an unknown flag or command is a mistake, asking for help is none', async () => {
  expect(await bench.start(['run', '--nonsense']).exited).toBe(2);
  expect(await bench.start(['fly']).exited).toBe(2);
  const help = bench.start(['run', '--help']);
  expect(await help.exited).toBe(0);
  expect(help.output()).toContain('--cp-address <url>');
  expect(help.output()).not.toContain('--dns-enabled');
});

test('the log level may stand before the sub-command, as in Kuma', async () => {
  const agent = bench.start(['--log-level', 'debug', 'run', '--dns-enabled=false', '--mesh', 'm']);
  expect(await agent.exited).toBe(2);
  expect(agent.output()).toBe(
    'kuma-dp: --name: is missing: name the Dataplane (--name, KUMA_DATAPLANE_NAME) or bring one with --dataplane-file\n',
  );
});

test('version is one line, in detail it names the Envoy that would run', async () => {
  const version = bench.start(['version']);
  expect(await version.exited).toBe(0);
  expect(version.output()).toMatch(/^kuma-dp \d+\.\d+\.\d+.*\n$/);
  const detailed = bench.start(['version', '--detailed'], { KUMA_DP_CACHE: bench.dir });
  expect(await detailed.exited).toBe(0);
  expect(detailed.output()).toMatch(/^Node: +\d+/m);
  expect(detailed.output()).toMatch(/^Envoy: /m);
});

test('no Envoy anywhere: the way to get one is told', async () => {
  const agent = bench.start(['run', '--name', 'a', '--run-dir', bench.runDir], {
    KUMA_DP_CACHE: bench.dir,
    PATH: bench.dir,
  });
  expect(await agent.exited).toBe(20);
  expect(agent.output()).toContain('run "kuma-dp envoy install", or give one with --binary-path');
  expect(bench.leftovers()).toEqual([]);
});

test('waiting where no agent runs ends in time and says so', async () => {
  const wait = bench.start(['wait', '--run-dir', bench.runDir, '--timeout', '300ms']);
  expect(await wait.exited).toBe(40);
  expect(wait.output()).toContain(`no agent runs in ${bench.runDir}`);
  const far = bench.start(['wait', '--url', 'http://example.com/ready']);
  expect(await far.exited).toBe(2);
});

test('a signal that is meant for an application opens no debugger, before there is one and without any', async () => {
  const envoy = ['--binary-path', bench.fakeEnvoy().path];
  for (const application of [[], ['--', 'true']]) {
    const agent = bench.run(await nobodyAt(), { args: [...envoy, ...application] });
    await until(() => agent.output().includes('agent started'), agent.output);
    agent.child.kill('SIGUSR1');
    // It takes Node some moments, and there is nothing to see when it does not.
    await delay(300);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(agent.output()).not.toContain('Debugger');
  }
});
