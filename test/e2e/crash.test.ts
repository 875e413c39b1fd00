import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { startTraffic, type Traffic } from '../support/traffic.ts';
import { call } from './support/calls.ts';
import { type Gap, isAlive, killServing, outside } from './support/gaps.ts';
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

const listeners = () => proxy.admin('/listeners?format=json');

describe('an Envoy that is killed', () => {
  test(
    'is back each time with its whole configuration, and costs only what was under way',
    async () => {
      agent = await proxy.start();
      const before = await listeners();
      traffic = startTraffic(proxy);
      const gaps: Gap[] = [];
      for (let i = 0; i < KILLS; i++) {
        await sleep(Math.random() * 2_500);
        gaps.push(await killServing(proxy));
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
    },
    120_000 + KILLS * 4_000,
  );

  test('is back while the control plane is dead', async () => {
    agent = await proxy.start();
    const before = await listeners();
    await proxy.mesh.programs.get('kuma-cp')?.stop();
    for (let i = 0; i < 3; i++) await killServing(proxy);
    expect(await listeners()).toBe(before);
    expect((await call(`http://127.0.0.1:${proxy.httpPort}/`)).outcome).toBe(200);
    await proxy.mesh.startControlPlane();
  });

  test('leaves its reason and its last lines in the status', async () => {
    agent = await proxy.start();
    await killServing(proxy, 'SIGABRT');
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
