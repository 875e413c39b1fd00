import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { waitUntil } from '../support/processes.ts';
import { echo, open, type Traffic } from '../support/traffic.ts';
import { untilState } from './support/one-proxy.ts';
import { useOneProxy } from './support/one-proxy-bench.ts';

const bench = useOneProxy();
let traffic: Traffic;

test('an idle proxy stops long before its drain time is over, and says that nothing was left to wait for', async () => {
  bench.agent = await bench.proxy.start('--drain-time 30s');
  const at = performance.now();
  expect(await bench.agent.stop()).toEqual({ code: 0, signal: null });
  const ms = performance.now() - at;
  console.log(`idle stop, ms: ${Math.round(ms)}`);
  expect(ms).toBeLessThan(15_000);
  expect(bench.agent.output()).toContain('no connections left');
});

test('clients that honour "Connection: close" and go elsewhere lose nothing when the proxy stops', async () => {
  bench.agent = await bench.proxy.start('--drain-time 10s');
  traffic = bench.load();
  await waitUntil(() => Object.values(traffic.done ?? {}).every((n) => n > 10) && traffic.done.slow);
  bench.agent.signal('SIGTERM');
  await bench.agent.waitForLine(/draining/);
  // New connections are taken until everybody knows: nothing fails while clients find their way elsewhere.
  await sleep(3_000);
  expect(bench.agent.exit()).toBeUndefined();
  await traffic.end();
  expect(await bench.agent.exited).toEqual({ code: 0, signal: null });
  expect(traffic.failures, bench.agent.output()).toEqual({});
});

test('a stop waits for a request that is under way, and a second signal does not', async () => {
  bench.agent = await bench.proxy.start('--drain-time 60s');
  const busy = await open(bench.proxy.tcpPort);
  await echo(busy, 'here\n');
  bench.agent.signal('SIGTERM');
  await bench.agent.waitForLine(/draining/);
  await echo(busy, 'still here\n');
  const at = performance.now();
  bench.agent.signal('SIGTERM');
  expect(await bench.agent.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - at).toBeLessThan(15_000);
  busy.destroy();
});

test('a stop soon after a hot restart waits for what the old Envoy still serves', async () => {
  bench.agent = await bench.proxy.start('--drain-time 60s');
  const busy = await open(bench.proxy.tcpPort);
  await echo(busy, 'here\n');
  expect((await bench.proxy.mesh.shell.run('kuma-dp restart web')).stdout).toContain('took over');
  bench.agent.signal('SIGTERM');
  await bench.agent.waitForLine(/announced the leave/);
  // Longer than a drain takes that finds nothing to wait for.
  await sleep(2_500);
  await echo(busy, 'still here\n');
  busy.destroy();
  expect(await bench.agent.exited).toEqual({ code: 0, signal: null });
});

test('kuma-dp drain, as SIGUSR2, takes the proxy out of service and keeps it; kuma-dp stop ends it', async () => {
  bench.agent = await bench.proxy.start('--drain-time 20s');
  const { stdout } = await bench.proxy.mesh.shell.run('kuma-dp drain bookinfo.web');
  expect(stdout).toContain('bookinfo.web: drained: no connection is left');
  expect(await bench.proxy.status()).toMatchObject({ state: 'drained', reason: 'kuma-dp drain' });
  expect(bench.agent.exit()).toBeUndefined();
  const refused = await bench.proxy.mesh.shell.run('kuma-dp restart web');
  expect(refused.code).toBe(42);
  expect(refused.stderr).toContain('the proxy is drained');
  expect((await bench.proxy.mesh.shell.run('kuma-dp stop web')).stdout).toContain('stopped');
  expect(await bench.agent.exited).toEqual({ code: 0, signal: null });

  bench.agent = await bench.proxy.start('--drain-time 20s');
  bench.agent.signal('SIGUSR2');
  await untilState(bench.proxy, 'drained');
  const ready = await bench.proxy.mesh.shell.run(
    'curl -s --unix-socket "$HOME"/run/*/agent.sock http://localhost/ready',
  );
  expect(ready.stdout).toContain('DRAINING');
  bench.agent.signal('SIGHUP');
  await bench.agent.waitForLine(/no restart: the proxy is drained.* cause=SIGHUP/);
});

test('commands tell which agents there are when a name fits none or is needed', async () => {
  bench.agent = await bench.proxy.start();
  const missing = await bench.proxy.mesh.shell.run('kuma-dp stop nobody');
  expect(missing.code).toBe(41);
  expect(missing.stderr).toContain('no agent for "nobody" runs');
  expect(missing.stderr).toContain('bookinfo.web');
  const table = await bench.proxy.mesh.shell.ok('kuma-dp status');
  expect(table).toMatch(/^MESH +NAME +STATE/);
  expect(table).toMatch(/bookinfo +web +ready/);
});
