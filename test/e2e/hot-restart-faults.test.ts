import { execFile } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { existsSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { envoyBinary, type RunningProgram, waitUntil } from '../support/processes.ts';
import { echo, open, startTraffic, type Traffic, untilAllKinds } from '../support/traffic.ts';
import { type Gap, isAlive, killAndWait, killServing, outside, untilServed } from './support/gaps.ts';
import { createOneProxy, type OneProxy, untilState } from './support/one-proxy.ts';

const NAME_SERVER = 15_104;
let proxy: OneProxy;
let agent: RunningProgram;
let traffic: Traffic;
/** Takes questions and answers none: an Envoy that needs a name of it starts for many seconds. */
let nameServer: UdpSocket;

beforeAll(async () => {
  proxy = await createOneProxy();
  nameServer = createSocket('udp4');
  await new Promise<void>((resolve) => nameServer.bind(NAME_SERVER, '127.0.0.1', resolve));
});

afterAll(async () => {
  nameServer.close();
  await proxy.close();
});

beforeEach(() => proxy.changeBootstrap('good'));

async function begin(parentShutdown = '5s'): Promise<void> {
  agent = await proxy.start(`--drain-time 1s --parent-shutdown-time ${parentShutdown}`);
  traffic = startTraffic(proxy);
}

afterEach(async () => {
  await traffic.end();
  const file = await sharedMemory();
  const { envoys } = await proxy.status();
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(existsSync(file)).toBe(false);
  expect(envoys.filter(({ pid }) => isAlive(pid))).toEqual([]);
});

const restart = () => proxy.mesh.shell.run('kuma-dp restart web');

async function sharedMemory(): Promise<string> {
  const file = await proxy.sharedMemory();
  expect(file).toMatch(/^\/dev\/shm\/envoy_shared_memory_\d+$/);
  return file ?? '';
}

const alone = () =>
  waitUntil(async () => (await proxy.status()).envoys.length === 1, {
    describe: () => `a single Envoy:\n${agent.output()}`,
  });

/** The next hand-over works and costs nothing; what failed before it failed in the gaps. */
async function nextOneWorks(gaps: readonly Gap[]): Promise<void> {
  await untilState(proxy, 'ready');
  const { stdout, stderr } = await restart();
  expect(stdout, stderr + agent.output()).toContain('took over');
  expect((await proxy.status()).lastHandOver).toMatchObject({ ok: true });
  await alone();
  await onlyFailedIn(gaps);
}

async function onlyFailedIn(gaps: readonly Gap[]): Promise<void> {
  await untilAllKinds(traffic);
  await traffic.end();
  expect(outside(traffic.failed, gaps), agent.output()).toEqual([]);
  console.log(
    `gaps: ${gaps.map(({ from, to }) => `${Math.round(to - from)} ms`).join(', ')}; ${JSON.stringify(traffic.failures)}`,
  );
}

describe('an Envoy that is killed in a hand-over', () => {
  test('before the new one is live: both are replaced by one that is as it was before', async () => {
    await begin();
    const { pid } = await proxy.status();
    proxy.changeBootstrap('slow', { nameServer: NAME_SERVER });
    const command = restart();
    await agent.waitForLine('shutting down admin due to child startup');
    const gap = await killAndWait(proxy, pid);
    const { code, stderr } = await command;
    expect({ code, stderr }).toMatchObject({
      code: 42,
      stderr: expect.stringContaining('during a hand-over: killed by SIGKILL') as string,
    });
    const after = await untilState(proxy, 'ready');
    expect(after).toMatchObject({ epoch: 0, restarts: 1, lastHandOver: { ok: false } });
    expect(after.envoys).toHaveLength(1);
    proxy.changeBootstrap('good again');
    await nextOneWorks([gap]);
  });

  test('after the new one is live, twice: long connections live on in the old one', async () => {
    // Longer than the test: the old one ends because nobody needs it any more.
    await begin('60s');
    const long = await open(proxy.tcpPort);
    await echo(long, 'before\n');
    expect((await restart()).stdout).toContain('epoch 1 took over');
    const gaps = [];
    for (let kills = 1; kills <= 2; kills++) {
      gaps.push(await killServing(proxy));
      await echo(long, `after ${kills}\n`);
    }
    expect((await untilState(proxy, 'ready')).envoys).toHaveLength(2);
    expect(await proxy.status()).toMatchObject({ restarts: 2 });
    long.destroy();
    await alone();
    await onlyFailedIn(gaps);
  });
});

describe('a hot restart id that somebody else left in a bad state', () => {
  test('with the mark of an Envoy that failed under it: the mark is taken back and nobody notices', async () => {
    await begin();
    await failUnderItsId((await proxy.status()).pid);
    expect(readFileSync(await sharedMemory())[96]).toBe(1);
    await nextOneWorks([]);
    expect(await proxy.status()).toMatchObject({ epoch: 1, restarts: 0 });
  });

  test.each<[string, (file: string) => void]>([
    ['in a layout that is not known', (file) => writeSync(openSync(file, 'r+'), Buffer.of(99), 0, 1, 8)],
    ['without its file', (file) => rmSync(file)],
  ])('%s: Envoy is started anew under another id when it is quiet, and the log says so', async (_, spoil) => {
    await begin();
    const file = await sharedMemory();
    const { pid } = await proxy.status();
    spoil(file);
    const command = restart();
    const gap = await untilServed(proxy, pid);
    expect((await command).stdout).toContain('Envoy is started anew');
    expect(agent.output()).toMatch(/no hand-over is possible: .*the hot restart id is wedged/);
    expect(await sharedMemory()).not.toBe(file);
    expect(existsSync(file)).toBe(false);
    await nextOneWorks([gap]);
    expect(await proxy.status()).toMatchObject({ epoch: 1, restarts: 0 });
  });
});

/** Another Envoy as the next epoch, with a bootstrap that it refuses. */
async function failUnderItsId(pid: number): Promise<void> {
  const bad = join(proxy.mesh.home, 'bad.json');
  writeFileSync(bad, '{"no_such_field": 1}');
  const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  const after = (flag: string) => args[args.indexOf(flag) + 1] ?? '';
  const own = ['--base-id', after('--base-id'), '--socket-path', after('--socket-path')];
  const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
    execFile(envoyBinary(), ['-c', bad, ...own, '--restart-epoch', '1'], (error, stdout, stderr) =>
      resolve({ code: error?.code, output: stdout + stderr }),
    );
  });
  expect(code, output).toBe(1);
  expect(output).toContain('no_such_field');
}
