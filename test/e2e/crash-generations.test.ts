import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { envoyBinary, type RunningProgram, waitUntil } from '../support/processes.ts';
import { echo, open } from '../support/traffic.ts';
import { call } from './support/calls.ts';
import { createOneProxy, type OneProxy, untilKnownGood, untilState } from './support/one-proxy.ts';

let proxy: OneProxy;
let agent: RunningProgram;

beforeAll(async () => {
  proxy = await createOneProxy();
});

afterAll(() => proxy.close());

afterEach(async () => {
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
});

test('a configuration that kills Envoy on sight gives way to the one before, and is tried again once it changed', async () => {
  agent = await proxy.start(`--binary-path ${diesOfListener(15_003)}`);
  await untilKnownGood(proxy);
  await proxy.addInbound(15_003);
  const degraded = await untilState(proxy, 'degraded');
  expect(degraded.reason).toMatch(/the newest configuration made Envoy crash: killed by SIGKILL/);
  await sleep(3_000);
  expect(await proxy.status()).toMatchObject({ state: 'degraded', pid: degraded.pid });
  expect(await proxy.serves()).toBe(true);
  expect((await call('http://127.0.0.1:15003/')).outcome).toBe('ECONNREFUSED');
  // A control plane that comes back repeats what was refused: that is no reason to crash again.
  const seen = agent.output().length;
  await proxy.mesh.programs.get('kuma-cp')?.stop();
  await proxy.mesh.startControlPlane();
  await waitUntil(() => agent.output().slice(seen).includes('connected to the control plane'));
  await sleep(3_000);
  expect(await proxy.status()).toMatchObject({ state: 'degraded', pid: degraded.pid });
  await proxy.addInbound(15_004);
  await untilState(proxy, 'ready');
  await waitUntil(async () => (await call('http://127.0.0.1:15004/')).outcome === 200);
});

test('a new Envoy that dies after it took over is replaced while the old one lets its connections end', async () => {
  agent = await proxy.start('--drain-time 3s --parent-shutdown-time 6s');
  await proxy.mesh.shell.ok('kuma-dp restart web');
  const before = await untilState(proxy, 'ready');
  expect(before.envoys).toHaveLength(2);
  process.kill(before.pid, 'SIGKILL');
  await waitUntil(async () => (await proxy.status()).pid !== before.pid);
  const after = await untilState(proxy, 'ready');
  expect(after.epoch).toBe(before.epoch + 1);
  expect(await proxy.serves()).toBe(true);
  await waitUntil(async () => (await proxy.status()).envoys.length === 1);
  expect((await proxy.mesh.shell.run('kuma-dp restart web')).stdout).toContain('took over');
});

test('a long connection lives on in the old Envoy while nobody listens, since the next one takes long to start', async () => {
  const slow = join(proxy.mesh.home, 'envoy-slow-to-start');
  writeFileSync(slow, startsSlowly(), { mode: 0o755 });
  agent = await proxy.start(`--binary-path ${slow} --drain-time 3s --parent-shutdown-time 60s`);
  const long = await open(proxy.tcpPort);
  await echo(long, 'before\n');
  await proxy.mesh.shell.ok('kuma-dp restart web');
  const { pid } = await untilState(proxy, 'ready');
  process.kill(pid, 'SIGKILL');
  await waitUntil(async () => {
    const now = await proxy.status();
    return now.pid !== pid && now.state === 'ready';
  });
  await echo(long, 'after\n');
  long.destroy();
  await waitUntil(async () => (await proxy.status()).envoys.length === 1);
});

/** A cold page cache was measured to cost as much. */
function startsSlowly(): string {
  return `#!/bin/sh\ncase "$*" in *--restart-epoch*) sleep 2;; esac\nexec ${envoyBinary()} "$@"\n`;
}

test('an old Envoy that dies before its time does not take the new one along', async () => {
  agent = await proxy.start('--drain-time 3s --parent-shutdown-time 6s');
  await proxy.mesh.shell.ok('kuma-dp restart web');
  const { pid, envoys } = await untilState(proxy, 'ready');
  const [old] = envoys.filter((envoy) => envoy.pid !== pid);
  if (old === undefined) throw new Error('the old Envoy has ended already');
  process.kill(old.pid, 'SIGKILL');
  await agent.waitForLine('the old Envoy died before its time');
  await waitUntil(async () => (await proxy.status()).pid !== pid);
  const after = await untilState(proxy, 'ready');
  // Past the time at which the new one would have looked for the old.
  await sleep(8_000);
  expect(await proxy.status()).toMatchObject({ state: 'ready', pid: after.pid, crashes: [] });
});

/** Stands for an Envoy with a defect: it kills itself as soon as it has a listener on that port. */
function diesOfListener(port: number): string {
  const path = join(proxy.mesh.home, 'envoy-with-defect');
  const watch = [
    'admin=$(echo "$2" | sed "s/bootstrap\\.\\(.\\)\\.json/admin.\\1.sock/")',
    `( while kill -0 $$ && sleep 0.05; do curl -s --unix-socket "$admin" http://localhost/listeners | grep -q :${port} && kill -9 $$; done ) >/dev/null 2>&1 &`,
  ];
  writeFileSync(
    path,
    `#!/bin/sh\ncase "$*" in *--restart-epoch*) ${watch.join('\n')}\n;; esac\nexec ${envoyBinary()} "$@"\n`,
  );
  chmodSync(path, 0o755);
  return path;
}
