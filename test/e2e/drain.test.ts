import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { echo, open, startTraffic, type Traffic } from '../support/traffic.ts';
import { createOneProxy, type OneProxy, untilState } from './support/one-proxy.ts';

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

test('an idle proxy stops within two seconds, and says that nothing was left to wait for', async () => {
  agent = await proxy.start('--drain-time 30s');
  const at = performance.now();
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  const ms = performance.now() - at;
  console.log(`idle stop, ms: ${Math.round(ms)}`);
  expect(ms).toBeLessThan(2_000);
  expect(agent.output()).toContain('no connections left');
});

test('clients that honour "Connection: close" and go elsewhere lose nothing when the proxy stops', async () => {
  agent = await proxy.start('--drain-time 10s');
  traffic = startTraffic(proxy);
  await waitUntil(() => Object.values(traffic?.done ?? {}).every((n) => n > 10) && traffic?.done.slow);
  agent.signal('SIGTERM');
  await agent.waitForLine(/draining/);
  // New connections are taken until everybody knows: nothing fails while clients find their way elsewhere.
  await sleep(3_000);
  expect(agent.exit()).toBeUndefined();
  await traffic.end();
  expect(await agent.exited).toEqual({ code: 0, signal: null });
  expect(traffic.failures, agent.output()).toEqual({});
});

test('a stop waits for a request that is under way, and a second signal does not', async () => {
  agent = await proxy.start('--drain-time 60s');
  const busy = await open(proxy.tcpPort);
  await echo(busy, 'here\n');
  agent.signal('SIGTERM');
  await agent.waitForLine(/draining/);
  await echo(busy, 'still here\n');
  const at = performance.now();
  agent.signal('SIGTERM');
  expect(await agent.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - at).toBeLessThan(2_000);
  busy.destroy();
});

test('kuma-dp drain, as SIGUSR2, takes the proxy out of service and keeps it; kuma-dp stop ends it', async () => {
  agent = await proxy.start('--drain-time 20s');
  const { stdout } = await proxy.mesh.shell.run('kuma-dp drain bookinfo.web');
  expect(stdout).toContain('bookinfo.web: drained');
  expect(await proxy.status()).toMatchObject({ state: 'drained', reason: 'kuma-dp drain' });
  expect(agent.exit()).toBeUndefined();
  const refused = await proxy.mesh.shell.run('kuma-dp restart web');
  expect(refused.code).toBe(42);
  expect(refused.stderr).toContain('the proxy is drained');
  expect((await proxy.mesh.shell.run('kuma-dp stop web')).stdout).toContain('stopped');
  expect(await agent.exited).toEqual({ code: 0, signal: null });

  agent = await proxy.start('--drain-time 20s');
  agent.signal('SIGUSR2');
  await untilState(proxy, 'drained');
  const ready = await proxy.mesh.shell.run(
    'curl -s --unix-socket "$HOME"/run/*/agent.sock http://localhost/ready',
  );
  expect(ready.stdout).toContain('DRAINING');
});

test('commands tell which agents there are when a name fits none or is needed', async () => {
  agent = await proxy.start();
  const missing = await proxy.mesh.shell.run('kuma-dp stop nobody');
  expect(missing.code).toBe(41);
  expect(missing.stderr).toContain('no agent for "nobody" runs');
  expect(missing.stderr).toContain('bookinfo.web');
  const table = await proxy.mesh.shell.ok('kuma-dp status');
  expect(table).toMatch(/^MESH +NAME +STATE/);
  expect(table).toMatch(/bookinfo +web +ready/);
});
