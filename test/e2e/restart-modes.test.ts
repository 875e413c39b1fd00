import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { envoyBinary, waitUntil } from '../support/processes.ts';
import type { Traffic } from '../support/traffic.ts';
import { call } from './support/calls.ts';
import { isAlive, outside, untilServed } from './support/gaps.ts';
import { untilState } from './support/one-proxy.ts';
import { useOneProxy } from './support/one-proxy-bench.ts';

const bench = useOneProxy();
let traffic: Traffic;

const restart = () => bench.proxy.mesh.shell.run('kuma-dp restart web');
const ended = (pid: number) => waitUntil(() => !isAlive(pid), { describe: () => `the end of Envoy ${pid}` });

describe('without hot restart', () => {
  test('a restart drains and starts anew: requests fail only while no Envoy runs, and no id is taken', async () => {
    bench.agent = await bench.proxy.start('--hot-restart=off --drain-time 2s');
    const before = await bench.listeners();
    const { pid } = await bench.proxy.status();
    expect(await bench.proxy.sharedMemory()).toBeUndefined();
    traffic = bench.load();
    await waitUntil(() => (traffic.done.slow ?? 0) > 10);
    const command = restart();
    const gap = await untilServed(bench.proxy, pid);
    expect(await command).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Envoy is started anew') as string,
    });
    await bench.untilReplaced(pid);
    await traffic.end();
    console.log(`cold restart: ${Math.round(gap.to - gap.from)} ms, ${JSON.stringify(traffic.failures)}`);
    expect(outside(traffic.failed, [gap])).toEqual([]);
    expect(await bench.listeners()).toBe(before);
    expect(await bench.proxy.status()).toMatchObject({ state: 'ready', epoch: 0, restarts: 0 });
    expect(bench.agent.output()).toContain('no hand-over is possible');
  });

  test('what the new binary refuses costs nobody a moment of service either', async () => {
    const binary = join(bench.proxy.mesh.home, 'envoy-under-test');
    symlinkSync(envoyBinary(), binary);
    bench.agent = await bench.proxy.start(`--hot-restart=off --drain-time 2s --binary-path ${binary}`);
    const { pid } = await bench.proxy.status();
    traffic = bench.load();
    rmSync(binary);
    const refusing = `#!/bin/sh\ncase "$*" in *--mode*) echo "no such field" >&2; exit 1;; esac\nexec ${envoyBinary()} "$@"\n`;
    writeFileSync(binary, refusing, { mode: 0o755 });
    const { code, stderr } = await restart();
    expect({ code, stderr }).toMatchObject({
      code: 42,
      stderr: expect.stringContaining('Envoy refuses its bootstrap: no such field') as string,
    });
    expect(await bench.proxy.status()).toMatchObject({ pid, state: 'ready', lastHandOver: { ok: false } });
    await traffic.end();
    expect(traffic.failures, bench.agent.output()).toEqual({});
  });

  test('a changed bootstrap alone costs nobody a moment of service', async () => {
    bench.agent = await bench.proxy.start('--hot-restart=off --drain-time 2s --bootstrap-refresh 2s');
    const { pid } = await bench.proxy.status();
    bench.proxy.changeBootstrap('changed-while-off');
    await bench.agent.waitForLine(
      /changed: bootstrap; taken up at the next restart, since hot restart is off/,
    );
    expect((await bench.proxy.status()).pid).toBe(pid);
    await restart();
    await bench.untilReplaced(pid);
    expect(await bench.proxy.admin('/config_dump?mask=bootstrap')).toContain('changed-while-off');
  });
});

test('an agent with --max-restarts gives up after so many, with an exit code of its own and a reason', async () => {
  bench.agent = await bench.proxy.start('--max-restarts 2');
  for (let i = 0; i < 3; i++) {
    const { pid } = await untilState(bench.proxy, 'ready');
    process.kill(pid, 'SIGKILL');
    await ended(pid);
    if (i < 2) await bench.untilReplaced(pid);
  }
  expect(await bench.agent.exited).toEqual({ code: 24, signal: null });
  expect(bench.agent.output()).toContain(
    'Envoy was restarted as often as --max-restarts allows: killed by SIGKILL',
  );
  expect((await call(`http://127.0.0.1:${bench.proxy.httpPort}/`)).outcome).toBe('ECONNREFUSED');
});

describe('without the xDS relay', () => {
  const begin = async () => {
    bench.agent = await bench.proxy.start('--xds-relay=off --drain-time 1s --parent-shutdown-time 5s');
  };

  test('Envoy talks to the control plane itself, which knows it, and takes up what changes there', async () => {
    await begin();
    expect(await bench.proxy.serves()).toBe(true);
    await waitUntil(async () => (await bench.proxy.mesh.statuses()).get('web') === 'Online');
    await bench.proxy.addInbound(15_003);
    await waitUntil(async () => (await call('http://127.0.0.1:15003/')).outcome === 200);
  });

  test('a hot restart costs no request, and the new Envoy follows the control plane', async () => {
    await begin();
    traffic = bench.load();
    const { stdout, stderr } = await restart();
    expect(stdout, stderr + bench.agent.output()).toContain('epoch 1 took over');
    await waitUntil(async () => (await bench.proxy.status()).envoys.length === 1, {
      describe: () => `the old Envoy to end:\n${bench.agent.output()}`,
    });
    await traffic.end();
    expect(traffic.failures, bench.agent.output()).toEqual({});
    await bench.proxy.addInbound(15_004);
    await waitUntil(async () => (await call('http://127.0.0.1:15004/')).outcome === 200);
    await waitUntil(async () => (await bench.proxy.mesh.statuses()).get('web') === 'Online');
  });

  test('an Envoy that is killed is back with its configuration from the control plane', async () => {
    await begin();
    const before = await bench.listeners();
    const { pid } = await untilState(bench.proxy, 'ready');
    process.kill(pid, 'SIGKILL');
    await ended(pid);
    await bench.untilReplaced(pid);
    expect(await bench.proxy.serves()).toBe(true);
    expect(await bench.listeners()).toBe(before);
  });
});
