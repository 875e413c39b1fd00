import { afterEach, expect, test } from 'vitest';
import { readProcessId } from '../../src/lib/process-id.ts';
import { waitUntil } from '../support/processes.ts';
import { echo, open, type Traffic } from '../support/traffic.ts';
import { expectNothingLeft, KEEP, killed } from './support/adoption.ts';
import { untilState } from './support/one-proxy.ts';
import { useOneProxy } from './support/one-proxy-bench.ts';

const bench = useOneProxy();
let sharedMemory: string | undefined;

/** An Envoy that serves and has no agent any more. */
async function unattended(settings = KEEP): Promise<number> {
  bench.agent = await bench.proxy.start(settings);
  const { pid } = await untilState(bench.proxy, 'ready');
  sharedMemory = await bench.proxy.sharedMemory();
  await killed(bench.agent);
  return pid;
}

afterEach(() => expectNothingLeft(bench.proxy, sharedMemory));

test('kuma-dp stop of a kept Envoy without agent costs no client a request that goes elsewhere when told', async () => {
  const pid = await unattended('--keep-envoy --drain-time 20s');
  const traffic: Traffic = bench.load();
  await waitUntil(() => Object.values(traffic.done).every((n) => n > 10) && traffic.done.slow);
  const command = bench.proxy.mesh.shell.start('kuma-dp stop web');
  await command.waitForLine(`bookinfo.web: draining Envoy ${pid}, at most 20s`);
  await waitUntil(() => bench.proxy.status().then(({ state }) => state === 'unattended'));
  await traffic.end();
  expect(await command.exited).toEqual({ code: 0, signal: null });
  expect(traffic.failures).toEqual({});
  expect(command.output()).toContain('no connections left');
  expect(readProcessId(pid)).toBeUndefined();
});

test('kuma-dp stop of a kept Envoy cuts what is left when the drain time it was started with is over', async () => {
  const pid = await unattended('--keep-envoy --drain-time 5s');
  const busy = await open(bench.proxy.tcpPort);
  await echo(busy, 'here\n');
  const command = bench.proxy.mesh.shell.start('kuma-dp stop');
  await command.waitForLine('at most 5s');
  await echo(busy, 'still here\n');
  expect((await command.exited).code).toBe(0);
  expect(command.output()).toContain('drain time is over; connections are cut (connections: 1)');
  expect(readProcessId(pid)).toBeUndefined();
  busy.destroy();
});

test('kuma-dp stop ends both Envoys of a hand-over that was under way when the agent was killed', async () => {
  bench.agent = await bench.proxy.start('--keep-envoy --drain-time 10s --parent-shutdown-time 20s');
  const busy = await open(bench.proxy.tcpPort);
  await echo(busy, 'here\n');
  await bench.proxy.mesh.shell.ok('kuma-dp restart web');
  const { envoys } = await bench.proxy.status();
  expect(envoys).toHaveLength(2);
  sharedMemory = await bench.proxy.sharedMemory();
  await killed(bench.agent);
  const command = bench.proxy.mesh.shell.start('kuma-dp stop web');
  await command.waitForLine('draining');
  // It is the old Envoy that still has it.
  await echo(busy, 'still here\n');
  busy.destroy();
  expect((await command.exited).code).toBe(0);
  expect(command.output()).toContain('no connections left');
  for (const { pid } of envoys) expect(readProcessId(pid)).toBeUndefined();
});

test('kuma-dp stop ends a kept Envoy that hangs, and says why it was not drained', async () => {
  const pid = await unattended();
  process.kill(pid, 'SIGSTOP');
  const text = await bench.proxy.mesh.shell.ok('kuma-dp stop web');
  expect(text).toContain(`Envoy ${pid} does not answer on its admin interface; not draining`);
  expect(text).toContain(`Envoy ${pid} ended`);
});
