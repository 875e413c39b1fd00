import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readProcessId } from '../../src/lib/process-id.ts';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { type FailedRequest, startTraffic, type Traffic } from '../support/traffic.ts';
import { call } from './support/calls.ts';
import { createOneProxy, type OneProxy, untilState } from './support/one-proxy.ts';

const KILLS = process.env.FULL === '1' ? 200 : 20;

let proxy: OneProxy;
let agent: RunningProgram;
let traffic: Traffic | undefined;

beforeAll(async () => {
  proxy = await createOneProxy();
});

afterAll(() => proxy.close());

afterEach(async () => {
  await traffic?.end();
  traffic = undefined;
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
});

interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Kills the Envoy that serves and waits for the first good answer after that. */
async function killOnce(signal: NodeJS.Signals = 'SIGKILL'): Promise<Gap> {
  const { pid } = await untilState(proxy, 'ready');
  const from = performance.now();
  process.kill(pid, signal);
  await waitUntil(() => !isAlive(pid));
  await waitUntil(() => proxy.serves());
  const to = performance.now();
  await waitUntil(async () => (await proxy.status()).pid !== pid);
  return { from, to };
}

/** What failed although Envoy served all the time between sending and failing. */
function outside(failed: readonly FailedRequest[], gaps: readonly Gap[]): readonly FailedRequest[] {
  return failed.filter(
    ({ sentAt, failedAt }) => !gaps.some(({ from, to }) => sentAt <= to + 50 && failedAt >= from - 50),
  );
}

const listeners = () => proxy.admin('/listeners?format=json');

describe('an Envoy that is killed', () => {
  test('is back each time with its whole configuration, and costs only what was under way', async () => {
    agent = await proxy.start();
    const before = await listeners();
    traffic = startTraffic(proxy);
    const gaps: Gap[] = [];
    for (let i = 0; i < KILLS; i++) {
      await sleep(Math.random() * 2_500);
      gaps.push(await killOnce());
    }
    await sleep(500);
    await traffic.end();
    expect(outside(traffic.failed, gaps)).toEqual([]);
    await untilState(proxy, 'ready');
    expect(await listeners()).toBe(before);
    expect((await proxy.status()).restarts).toBe(KILLS);
    const lengths = gaps.map(({ from, to }) => Math.round(to - from)).sort((a, b) => a - b);
    const [median, p99, longest] = [KILLS / 2, Math.floor(KILLS * 0.99), KILLS - 1].map((i) => lengths[i]);
    console.log(
      `kill to first answer, ms: median ${median}, 99 % ${p99}, longest ${longest}; ${JSON.stringify(traffic.done)}`,
    );
  }, 120_000 + KILLS * 4_000);

  test('is back while the control plane is dead', async () => {
    agent = await proxy.start();
    const before = await listeners();
    await proxy.mesh.programs.get('kuma-cp')?.stop();
    for (let i = 0; i < 3; i++) await killOnce();
    expect(await listeners()).toBe(before);
    expect((await call(`http://127.0.0.1:${proxy.httpPort}/`)).outcome).toBe(200);
    await proxy.mesh.startControlPlane();
  });

  test('leaves its reason and its last lines in the status', async () => {
    agent = await proxy.start();
    await killOnce('SIGABRT');
    const { crashes } = await proxy.status();
    expect(crashes).toHaveLength(1);
    expect(crashes[0]?.reason).toBe('killed by SIGABRT');
    expect(crashes[0]?.log.join('\n')).toContain('starting workers');
    expect(crashes[0]?.log.length).toBeLessThanOrEqual(200);
    expect(await proxy.mesh.shell.ok('kuma-dp status web')).toMatch(/^last crash: .*killed by SIGABRT/m);
  });
});

test('an Envoy that hangs is killed and replaced', async () => {
  agent = await proxy.start('--envoy-silence-timeout 5s');
  const { pid } = await proxy.status();
  process.kill(pid, 'SIGSTOP');
  await agent.waitForLine('Envoy hangs');
  await waitUntil(async () => (await proxy.status()).pid !== pid);
  await waitUntil(() => proxy.serves());
  expect((await proxy.status()).crashes[0]?.reason).toMatch(/silent for \d+ s/);
});

test('an agent that is killed takes its Envoys along in the middle of a hand-over, too', async () => {
  agent = await proxy.start('--drain-time 20s --parent-shutdown-time 30s');
  await proxy.mesh.shell.ok('kuma-dp restart web');
  const { envoys } = await proxy.status();
  expect(envoys).toHaveLength(2);
  agent.signal('SIGKILL');
  await agent.exited;
  for (const { pid } of envoys) await waitUntil(() => !isAlive(pid), { timeoutMs: 1_000 });
  const file = await proxy.sharedMemory();
  agent = await proxy.start();
  expect(await proxy.sharedMemory()).not.toBe(file);
});

/** Not one that only waits to be reaped. */
function isAlive(pid: number): boolean {
  return readProcessId(pid) !== undefined;
}
