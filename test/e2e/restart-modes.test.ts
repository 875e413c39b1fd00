import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readProcessId } from '../../src/lib/process-id.ts';
import { envoyBinary, type RunningProgram, waitUntil } from '../support/processes.ts';
import { startTraffic, type Traffic } from '../support/traffic.ts';
import { call } from './support/calls.ts';
import { createOneProxy, type OneProxy, type Status, untilState } from './support/one-proxy.ts';

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
  await agent.stop();
});

const restart = () => proxy.mesh.shell.run('kuma-dp restart web');
const listeners = () => proxy.admin('/listeners?format=json');
const isAlive = (pid: number) => readProcessId(pid) !== undefined;
const ended = (pid: number) => waitUntil(() => !isAlive(pid), { describe: () => `the end of Envoy ${pid}` });

async function untilReplaced(pid: number): Promise<Status> {
  await waitUntil(async () => (await proxy.status()).pid !== pid, {
    describe: () => `another Envoy than ${pid}:\n${agent.output()}`,
  });
  return untilState(proxy, 'ready');
}

describe('without hot restart', () => {
  test('a restart drains and starts anew: requests fail only while no Envoy runs, and no id is taken', async () => {
    agent = await proxy.start('--hot-restart=off --drain-time 2s');
    const before = await listeners();
    const { pid } = await proxy.status();
    expect(await proxy.sharedMemory()).toBeUndefined();
    traffic = startTraffic(proxy);
    await waitUntil(() => (traffic?.done.slow ?? 0) > 10);
    const command = restart();
    await ended(pid);
    const from = performance.now();
    await waitUntil(() => proxy.serves());
    const to = performance.now();
    expect(await command).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Envoy is started anew') as string,
    });
    await untilReplaced(pid);
    await traffic.end();
    console.log(`cold restart: ${Math.round(to - from)} ms, ${JSON.stringify(traffic.failures)}`);
    // The last moment of the old one is known to the precision of the look at it.
    const early = traffic.failed.filter(({ failedAt }) => failedAt < from - 250);
    const late = traffic.failed.filter(({ sentAt }) => sentAt > to + 50);
    expect({ early, late }).toEqual({ early: [], late: [] });
    expect(await listeners()).toBe(before);
    expect(await proxy.status()).toMatchObject({ state: 'ready', epoch: 0, restarts: 0 });
    expect(agent.output()).toContain('no hand-over is possible');
  });

  test('what the new binary refuses costs nobody a moment of service either', async () => {
    const binary = join(proxy.mesh.home, 'envoy-under-test');
    symlinkSync(envoyBinary(), binary);
    agent = await proxy.start(`--hot-restart=off --drain-time 2s --binary-path ${binary}`);
    const { pid } = await proxy.status();
    traffic = startTraffic(proxy);
    rmSync(binary);
    const refusing = `#!/bin/sh\ncase "$*" in *--mode*) echo "no such field" >&2; exit 1;; esac\nexec ${envoyBinary()} "$@"\n`;
    writeFileSync(binary, refusing, { mode: 0o755 });
    const { code, stderr } = await restart();
    expect({ code, stderr }).toMatchObject({
      code: 42,
      stderr: expect.stringContaining('Envoy refuses its bootstrap: no such field') as string,
    });
    expect(await proxy.status()).toMatchObject({ pid, state: 'ready', lastHandOver: { ok: false } });
    await traffic.end();
    expect(traffic.failures, agent.output()).toEqual({});
  });

  test('a changed bootstrap alone costs nobody a moment of service', async () => {
    agent = await proxy.start('--hot-restart=off --drain-time 2s --bootstrap-refresh 2s');
    const { pid } = await proxy.status();
    proxy.changeBootstrap('changed-while-off');
    await agent.waitForLine(/changed: bootstrap; taken up at the next restart, since hot restart is off/);
    expect((await proxy.status()).pid).toBe(pid);
    await restart();
    await untilReplaced(pid);
    expect(await proxy.admin('/config_dump?mask=bootstrap')).toContain('changed-while-off');
  });
});

test('an agent with --max-restarts gives up after so many, with an exit code of its own and a reason', async () => {
  agent = await proxy.start('--max-restarts 2');
  for (let i = 0; i < 3; i++) {
    const { pid } = await untilState(proxy, 'ready');
    process.kill(pid, 'SIGKILL');
    await ended(pid);
    if (i < 2) await untilReplaced(pid);
  }
  expect(await agent.exited).toEqual({ code: 24, signal: null });
  expect(agent.output()).toContain(
    'Envoy was restarted as often as --max-restarts allows: killed by SIGKILL',
  );
  expect((await call(`http://127.0.0.1:${proxy.httpPort}/`)).outcome).toBe('ECONNREFUSED');
});

describe('without the xDS relay', () => {
  const begin = async () => {
    agent = await proxy.start('--xds-relay=off --drain-time 2s --parent-shutdown-time 4s');
  };

  test('Envoy talks to the control plane itself, which knows it, and takes up what changes there', async () => {
    await begin();
    expect(await proxy.serves()).toBe(true);
    await waitUntil(async () => (await proxy.mesh.statuses()).get('web') === 'Online');
    await proxy.addInbound(15_003);
    await waitUntil(async () => (await call('http://127.0.0.1:15003/')).outcome === 200);
  });

  test('a hot restart costs no request, and the new Envoy follows the control plane', async () => {
    await begin();
    traffic = startTraffic(proxy);
    const { stdout, stderr } = await restart();
    expect(stdout, stderr + agent.output()).toContain('epoch 1 took over');
    await waitUntil(async () => (await proxy.status()).envoys.length === 1, {
      describe: () => `the old Envoy to end:\n${agent.output()}`,
    });
    await traffic.end();
    expect(traffic.failures, agent.output()).toEqual({});
    await proxy.addInbound(15_004);
    await waitUntil(async () => (await call('http://127.0.0.1:15004/')).outcome === 200);
    await waitUntil(async () => (await proxy.mesh.statuses()).get('web') === 'Online');
  });

  test('an Envoy that is killed is back with its configuration from the control plane', async () => {
    await begin();
    const before = await listeners();
    const { pid } = await untilState(proxy, 'ready');
    process.kill(pid, 'SIGKILL');
    await ended(pid);
    await untilReplaced(pid);
    expect(await proxy.serves()).toBe(true);
    expect(await listeners()).toBe(before);
  });
});
