import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clonePath, type RunningProgram, startProgram } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type HostBench, openHostBench } from './support/host-bench.ts';

let bench: HostBench;
let manager: RunningProgram;

beforeEach(async () => {
  bench = await openHostBench();
  manager = startProgram('python3', [clonePath('test/fixtures/notify-socket.py'), bench.path('notify')]);
  await manager.waitForLine('BOUND');
});

afterEach(() => bench.dispose());

const messages = (): readonly (readonly string[])[] =>
  manager
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as string[]);
const firsts = () => messages().map(([first = '']) => first);
const start = (envoy: object = {}, env: Record<string, string> = {}, args: readonly string[] = []) =>
  bench.run(bench.fakeEnvoy(envoy).path, args, { env: { NOTIFY_SOCKET: bench.path('notify'), ...env } });

describe('the service manager', () => {
  test('is told READY only when the proxy serves, and STOPPING when it is asked to end', async () => {
    const agent = start({ readyFile: bench.path('go') });
    await agent.waitForLine('kuma-dp starting');
    await waitUntil(() => messages().some((lines) => /STATUS=Envoy .* starts/.test(lines.join())));
    expect(firsts()).not.toContain('READY=1');
    bench.write('go', '');
    await agent.waitForLine('kuma-dp ready');
    await waitUntil(() => firsts().includes('READY=1'));
    await agent.stop();
    // What it sent last may still be on its way through the receiver.
    await waitUntil(() => messages().at(-1)?.join().includes('STATUS=Stopped (SIGTERM)'));
    const told = firsts();
    expect(told.indexOf('STOPPING=1')).toBeGreaterThan(told.indexOf('READY=1'));
    expect(messages().find(([first]) => first === 'STOPPING=1')).toContain('EXTEND_TIMEOUT_USEC=55000000');
  });

  test('is told of a crash in the status, and never that a running service stopped', async () => {
    const envoy = bench.fakeEnvoy();
    const agent = bench.run(envoy.path, [], { env: { NOTIFY_SOCKET: bench.path('notify') } });
    await waitUntil(() => firsts().includes('READY=1'));
    // What only describes is left out within half a second of another message.
    await quiet(700);
    envoy.crash();
    await waitUntil(() => messages().some((lines) => lines.join().includes('Envoy ended (exit code 7)')));
    await waitUntil(() => firsts().filter((first) => first === 'READY=1').length === 2);
    expect(firsts()).not.toContain('STOPPING=1');
    await agent.stop();
  });

  test('is fed the watchdog at half of its time', async () => {
    const agent = start({}, { WATCHDOG_USEC: '400000' });
    await waitUntil(() => firsts().filter((first) => first === 'WATCHDOG=1').length >= 3);
    await agent.stop();
  });

  test('gets no sign of life from an agent that hangs', async () => {
    const agent = start({}, { WATCHDOG_USEC: '400000' });
    await waitUntil(() => firsts().includes('WATCHDOG=1'));
    agent.signal('SIGSTOP');
    // What was on its way arrives; then there is silence for several times the period.
    await waitUntil(async () => {
      const before = messages().length;
      await quiet(1_500);
      return messages().length === before;
    });
    agent.signal('SIGCONT');
    await agent.stop();
  });

  test('that does not read holds nothing up', async () => {
    manager.signal('SIGSTOP');
    const agent = start();
    await agent.waitForLine('kuma-dp ready');
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  });

  test('is not spoken to by the application, which does not even know of it', async () => {
    const agent = start({}, { WATCHDOG_USEC: '30000000' }, ['--', 'sh', '-c', 'env']);
    await agent.exited;
    expect(agent.stdout()).toContain('PATH=');
    expect(agent.stdout()).not.toMatch(/NOTIFY_SOCKET|WATCHDOG_USEC/);
  });

  test('without one nothing is started to tell it', async () => {
    const agent = bench.run(bench.fakeEnvoy().path, []);
    await agent.waitForLine('kuma-dp ready');
    expect(firsts()).toEqual(['BOUND']);
    await agent.stop();
  });
});

/** Time in which nothing may happen: the one thing that cannot be awaited. In pieces, so that a machine that stalls adds to it. */
async function quiet(ms: number): Promise<void> {
  for (let piece = 0; piece < ms / 50; piece++) await delay(50);
}
