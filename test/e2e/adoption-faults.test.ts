import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cleanStaleInstances } from '../../src/dp/run-dir/instance.ts';
import { findEnvoysOf } from '../../src/dp/run-dir/kept.ts';
import { readProcessId } from '../../src/lib/process-id.ts';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { echo, open, startTraffic, type Traffic } from '../support/traffic.ts';
import { expectNothingLeft, instanceDir, KEEP, killed } from './support/adoption.ts';
import { createOneProxy, type OneProxy, untilKnownGood, untilState } from './support/one-proxy.ts';

const ROUNDS = process.env.FULL === '1' ? 100 : 4;
const LONG_MS = 60_000 + ROUNDS * 15_000;

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
  const sharedMemory = await proxy.sharedMemory();
  const { code } = await agent.stop();
  expect(code, agent.output()).toBe(0);
  await expectNothingLeft(proxy, sharedMemory);
});

const dir = () => instanceDir(proxy);
const record = () => join(dir(), 'kept.json');

describe('an agent that is killed in the middle of a hand-over', () => {
  test(
    'leaves one Envoy that serves, whatever moment it was, and no request fails',
    async () => {
      agent = await proxy.start(KEEP);
      traffic = startTraffic({ ...proxy, share: 0.3 });
      for (let i = 0; i < ROUNDS; i++) {
        void proxy.mesh.shell.run('kuma-dp restart web');
        await agent.waitForLine('new Envoy started');
        await sleep((i % 4) * 40);
        await killed(agent);
        agent = await proxy.start(KEEP);
        await waitUntil(
          async () => {
            const { state, envoys } = await proxy.status();
            if (state !== 'ready' || envoys.length !== 1 || findEnvoysOf(dir()).length !== 1) return false;
            // What the cut off hand-over took from the old Envoy, a successor has again.
            return (await proxy.admin('/ready').catch(() => '')).includes('LIVE');
          },
          { describe: () => `one Envoy:\n${agent.output()}` },
        );
      }
      await traffic.end();
      expect(traffic.failures, agent.output()).toEqual({});
    },
    LONG_MS,
  );
});

test(
  'an agent that is killed at any moment of start, adoption and drain leaves at most one Envoy to the next',
  async () => {
    for (let i = 0; i < ROUNDS; i++) {
      agent = proxy.mesh.shell.start(`kuma-dp run ${KEEP}`, { KUMA_DATAPLANE_NAME: 'web' });
      await sleep(Math.random() * 1_500);
      if (i % 3 === 2) {
        agent.signal('SIGTERM');
        await sleep(Math.random() * 1_500);
      }
      await killed(agent);
    }
    agent = await proxy.start(KEEP);
    await waitUntil(() => proxy.serves());
    // An adopted Envoy whose admin interface was lost is followed by one more.
    await waitUntil(
      async () => {
        const { pid, state } = await proxy.status();
        return state === 'ready' && findEnvoysOf(dir()).join() === String(pid);
      },
      { describe: () => `one Envoy, not ${findEnvoysOf(dir()).join(' and ')}:\n${agent.output()}` },
    );
  },
  LONG_MS,
);

test.each(['--hot-restart off', '--admin-port 9901', '--xds-relay off'])(
  'an Envoy is adopted with %s, too, and started again when it is killed',
  async (args) => {
    agent = await proxy.start(`${KEEP} ${args}`);
    const { pid } = await untilState(proxy, 'ready');
    await killed(agent);
    agent = await proxy.start(`${KEEP} ${args}`);
    expect((await untilState(proxy, 'ready')).pid).toBe(pid);
    process.kill(pid, 'SIGKILL');
    await waitUntil(async () => (await proxy.status()).pid !== pid);
    await waitUntil(() => proxy.serves());
    await untilState(proxy, 'ready');
  },
);

describe('without --keep-envoy', () => {
  test('an Envoy that was kept makes place for one that ends with the agent, without a failed request', async () => {
    agent = await proxy.start(KEEP);
    traffic = startTraffic({ ...proxy, share: 0.3 });
    const before = await untilState(proxy, 'ready');
    await killed(agent);
    agent = await proxy.start(KEEP.replace('--keep-envoy ', ''));
    await waitUntil(async () => (await proxy.status()).envoys.every(({ pid }) => pid !== before.pid));
    await traffic.end();
    expect(traffic.failures, agent.output()).toEqual({});
    const { pid } = await untilState(proxy, 'ready');
    await killed(agent);
    await waitUntil(() => readProcessId(pid) === undefined, { timeoutMs: 10_000 });
    agent = await proxy.start();
  });

  test('an agent refuses to be detached', async () => {
    agent = await proxy.start();
    const { code, stderr } = await proxy.mesh.shell.run('kuma-dp detach web');
    expect(code).toBe(42);
    expect(stderr).toContain('runs without --keep-envoy');
    expect((await proxy.status()).state).toBe('ready');
  });
});

test('a command is refused together with --keep-envoy', async () => {
  agent = await proxy.start(KEEP);
  const { code, stderr } = await proxy.mesh.shell.run('kuma-dp run --name other --keep-envoy -- sleep 1');
  expect(code).toBe(2);
  expect(stderr).toContain('--keep-envoy: cannot be used together with "-- COMMAND"');
});

test('a second agent for the same proxy says who runs, and ends', async () => {
  agent = await proxy.start(KEEP);
  const { code, stderr } = await proxy.mesh.shell.run(`kuma-dp run --name web ${KEEP}`);
  expect(code).toBe(31);
  expect(stderr).toContain(`already running as process ${agent.pid}`);
  expect((await proxy.status()).state).toBe('ready');
});

test('an Envoy without agent shows in status and doctor, and other agents leave it alone', async () => {
  agent = await proxy.start(KEEP);
  const { pid } = await untilState(proxy, 'ready');
  await killed(agent);
  expect(await cleanStaleInstances(dirname(dir()))).toEqual([]);
  expect(await proxy.status()).toMatchObject({ state: 'unattended', pid, epoch: 0 });
  const { stdout } = await proxy.mesh.shell.run('kuma-dp doctor');
  expect(stdout).toContain(`warning: Envoy ${pid} of bookinfo.web was kept and has no agent`);
  expect(stdout).toContain('or: kuma-dp stop bookinfo.web');
  const refused = await proxy.mesh.shell.run('kuma-dp restart web');
  expect(refused.code).toBe(41);
  expect(refused.stderr).toContain(`Envoy ${pid} of bookinfo.web, which was kept, serves on`);
  agent = await proxy.start(KEEP);
  expect((await untilState(proxy, 'ready')).pid).toBe(pid);
});

test('an agent that cannot run leaves the Envoy that was kept to one that can', async () => {
  agent = await proxy.start(KEEP);
  const { pid } = await untilState(proxy, 'ready');
  await killed(agent);
  const { code } = await proxy.mesh.shell.run(`kuma-dp run --name web --binary-path /missing ${KEEP}`);
  expect(code).toBe(20);
  expect(await proxy.status()).toMatchObject({ state: 'unattended', pid });
  agent = await proxy.start(KEEP);
  expect((await untilState(proxy, 'ready')).pid).toBe(pid);
});

test('an agent that is stopped before it could take over the Envoy that was kept drains it', async () => {
  agent = await proxy.start(KEEP);
  const { pid } = await untilState(proxy, 'ready');
  await killed(agent);
  const busy = await open(proxy.tcpPort);
  await echo(busy, 'here\n');
  const slow = join(proxy.mesh.home, 'slow-envoy');
  writeFileSync(slow, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  const keep = '--keep-envoy --drain-time 30s';
  agent = proxy.mesh.shell.start(`kuma-dp run --name web --binary-path ${slow} ${keep}`);
  await agent.waitForLine('agent started');
  agent.signal('SIGTERM');
  await agent.waitForLine(`draining Envoy ${pid}`);
  await echo(busy, 'still here\n');
  busy.destroy();
  expect((await agent.exited).code, agent.output()).toBe(0);
  expect(agent.output()).toContain('no connections left');
  expect(readProcessId(pid)).toBeUndefined();
});

describe('an Envoy that cannot be adopted is ended, and the start is a cold one', () => {
  /** Kills the agent, breaks something, and starts the next one, which must serve with another Envoy. */
  async function breaking(fault: (pid: number) => void): Promise<void> {
    agent = await proxy.start(KEEP);
    const { pid } = await untilState(proxy, 'ready');
    await killed(agent);
    fault(pid);
    agent = await proxy.start(KEEP);
    await waitUntil(() => proxy.serves());
    const now = await untilState(proxy, 'ready');
    expect(now.pid).not.toBe(pid);
    await waitUntil(() => readProcessId(pid) === undefined, { timeoutMs: 10_000 });
    expect(findEnvoysOf(dir())).toEqual([now.pid]);
  }

  test('when it hangs', async () => {
    await breaking((pid) => process.kill(pid, 'SIGSTOP'));
    expect(agent.output()).toContain('does not answer on its admin interface');
  });

  test('when its record is damaged', () => breaking(() => truncateSync(record(), 40)));

  test('when the record means another process', () =>
    breaking((pid) => {
      const text = readFileSync(record(), 'utf8');
      writeFileSync(record(), text.replaceAll(`"pid":${pid}`, `"pid":${process.pid}`));
    }));

  test('when it died meanwhile', () => breaking((pid) => process.kill(pid, 'SIGKILL')));
});

describe('while the control plane is dead', () => {
  test('Envoy is adopted at once, starts again after a crash, and follows the control plane when that is back', async () => {
    agent = await proxy.start(KEEP);
    const { pid } = await untilState(proxy, 'ready');
    await untilKnownGood(proxy);
    const listeners = await proxy.admin('/listeners?format=json');
    await proxy.mesh.programs.get('kuma-cp')?.stop();
    await killed(agent);
    traffic = startTraffic({ ...proxy, share: 0.3 });
    agent = await proxy.start(KEEP);
    expect((await untilState(proxy, 'ready')).pid).toBe(pid);
    await agent.waitForLine('last known good');
    await traffic.end();
    expect(traffic.failures, agent.output()).toEqual({});
    expect(await proxy.admin('/listeners?format=json')).toBe(listeners);
    process.kill(pid, 'SIGKILL');
    await waitUntil(async () => (await proxy.status()).pid !== pid);
    await waitUntil(() => proxy.serves());
    expect(await proxy.admin('/listeners?format=json')).toBe(listeners);
    await proxy.mesh.startControlPlane();
    await agent.waitForLine('the configuration is fresh');
    expect(await proxy.admin('/listeners?format=json')).toBe(listeners);
  });
});
