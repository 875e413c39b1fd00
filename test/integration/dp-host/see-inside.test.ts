import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exchange } from '../../../src/lib/http-exchange.ts';
import { clonePath, type RunningProgram, runProgram, startProgram } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type HostBench, openHostBench } from './support/host-bench.ts';

let bench: HostBench;
let agent: RunningProgram;

beforeEach(async () => {
  bench = await openHostBench();
  const envoy = bench.fakeEnvoy();
  agent = bench.run(envoy.path, []);
  await agent.waitForLine('kuma-dp ready');
  envoy.crash();
  await waitUntil(() => (agent.stdout().match(/kuma-dp ready/g) ?? []).length === 2);
});

afterEach(() => bench.dispose());

const kumaDp = clonePath('src/bin/kuma-dp.ts');
const port = () => Number(/127\.0\.0\.1:(\d+)\/ready/.exec(agent.stdout())?.[1]);

describe('metrics', () => {
  test('are served on the readiness port and tell of state and restarts', async () => {
    const { status, body, headers } = await exchange({
      url: new URL(`http://127.0.0.1:${port()}/metrics`),
      timeoutMs: 5_000,
    });
    expect(status).toBe(200);
    expect(headers['content-type']).toContain('text/plain');
    const labels = 'mesh="default",name="a"';
    expect(body).toContain(`kuma_dp_ready{${labels}} 1\n`);
    expect(body).toContain(`kuma_dp_state{${labels},state="ready"} 1\n`);
    expect(body).toContain(`kuma_dp_envoy_restarts_total{${labels}} 1\n`);
    expect(body).toContain(`kuma_dp_stale{${labels}} 0\n`);
    expect(body).toMatch(/kuma_dp_resident_memory_bytes\{[^}]*\} \d{7,}\n/);
  });
});

describe('logs', () => {
  test('of agent and Envoy are shown, the newest last', async () => {
    const { stdout, code } = await runProgram(process.execPath, [kumaDp, 'logs', '--run-dir', bench.runDir]);
    expect(code).toBe(0);
    expect(stdout).toContain('agent started');
    expect(stdout).toMatch(/^envoy .*initializing epoch/m);
    expect(stdout.trimEnd().split('\n').at(-1)).toContain('kuma-dp ready');
    expect(agent.stdout()).toContain(stdout);
  });

  test('are cut to the lines that were asked for', async () => {
    const { stdout } = await runProgram(process.execPath, [
      kumaDp,
      'logs',
      'a',
      '-n',
      '1',
      '--run-dir',
      bench.runDir,
    ]);
    expect(stdout.split('\n')).toHaveLength(2);
  });

  test('are followed until the agent ends', async () => {
    const reader = startProgram(process.execPath, [
      kumaDp,
      'logs',
      '-f',
      'a',
      '-n',
      '1',
      '--run-dir',
      bench.runDir,
    ]);
    // The newest line from before comes once the reader follows.
    await waitUntil(() => reader.stdout() !== '');
    await agent.stop();
    expect((await reader.exited).code).toBe(0);
    expect(reader.stdout()).toContain('kuma-dp draining');
  });

  test('are for the owner of the socket, not for the port', async () => {
    for (const path of ['/logs', '/logs?lines=1', '/status']) {
      const { status } = await exchange({
        url: new URL(path, `http://127.0.0.1:${port()}`),
        timeoutMs: 5_000,
      });
      expect(status, path).toBe(404);
    }
  });
});
