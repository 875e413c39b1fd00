import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { waitUntil } from '../support/processes.ts';
import type { Traffic } from '../support/traffic.ts';
import { call } from './support/calls.ts';
import { type Gap, isAlive, killServing, outside } from './support/gaps.ts';
import { untilState } from './support/one-proxy.ts';
import { useOneProxy } from './support/one-proxy-bench.ts';

const KILLS = process.env.FULL === '1' ? 200 : 20;

const bench = useOneProxy({ clean: true });
let traffic: Traffic;

describe('an Envoy that is killed', () => {
  test(
    'is back each time with its whole configuration, and costs only what was under way',
    async () => {
      bench.agent = await bench.proxy.start();
      const before = await bench.listeners();
      traffic = bench.load();
      const gaps: Gap[] = [];
      for (let i = 0; i < KILLS; i++) {
        await sleep(Math.random() * 2_500);
        gaps.push(await killServing(bench.proxy));
      }
      await sleep(500);
      await traffic.end();
      expect(outside(traffic.failed, gaps)).toEqual([]);
      await untilState(bench.proxy, 'ready');
      expect(await bench.listeners()).toBe(before);
      expect((await bench.proxy.status()).restarts).toBe(KILLS);
      const lengths = gaps.map(({ from, to }) => Math.round(to - from)).sort((a, b) => a - b);
      const [median, p99, longest] = [KILLS / 2, Math.floor(KILLS * 0.99), KILLS - 1].map((i) => lengths[i]);
      console.log(
        `kill to first answer, ms: median ${median}, 99 % ${p99}, longest ${longest}; ${JSON.stringify(traffic.done)}`,
      );
    },
    120_000 + KILLS * 4_000,
  );

  test('is back while the control plane is dead', async () => {
    bench.agent = await bench.proxy.start();
    const before = await bench.listeners();
    await bench.proxy.mesh.programs.get('kuma-cp')?.stop();
    for (let i = 0; i < 3; i++) await killServing(bench.proxy);
    expect(await bench.listeners()).toBe(before);
    expect((await call(`http://127.0.0.1:${bench.proxy.httpPort}/`)).outcome).toBe(200);
    await bench.proxy.mesh.startControlPlane();
  });

  test('leaves its reason and its last lines in the status', async () => {
    bench.agent = await bench.proxy.start();
    await killServing(bench.proxy, 'SIGABRT');
    const { crashes } = await bench.proxy.status();
    expect(crashes).toHaveLength(1);
    expect(crashes[0]?.reason).toBe('killed by SIGABRT');
    expect(crashes[0]?.log.join('\n')).toContain('starting workers');
    expect(crashes[0]?.log.length).toBeLessThanOrEqual(200);
    expect(await bench.proxy.mesh.shell.ok('kuma-dp status web')).toMatch(
      /^last crash: .*killed by SIGABRT/m,
    );
  });
});

test('an Envoy that hangs is killed and replaced', async () => {
  bench.agent = await bench.proxy.start('--envoy-silence-timeout 5s');
  const { pid } = await bench.proxy.status();
  process.kill(pid, 'SIGSTOP');
  await bench.agent.waitForLine('Envoy hangs');
  await waitUntil(async () => (await bench.proxy.status()).pid !== pid);
  await waitUntil(() => bench.proxy.serves());
  expect((await bench.proxy.status()).crashes[0]?.reason).toMatch(/silent for \d+ s/);
});

test('an agent that is killed takes its Envoys along in the middle of a hand-over, too', async () => {
  bench.agent = await bench.proxy.start('--drain-time 20s --parent-shutdown-time 30s');
  await bench.proxy.mesh.shell.ok('kuma-dp restart web');
  const { envoys } = await bench.proxy.status();
  expect(envoys).toHaveLength(2);
  bench.agent.signal('SIGKILL');
  await bench.agent.exited;
  for (const { pid } of envoys) await waitUntil(() => !isAlive(pid), { timeoutMs: 10_000 });
  const file = await bench.proxy.sharedMemory();
  bench.agent = await bench.proxy.start();
  expect(await bench.proxy.sharedMemory()).not.toBe(file);
});
