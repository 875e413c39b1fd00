import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readProcessId } from '../../src/lib/process-id.ts';
import { envoyBinary, type RunningProgram, waitUntil } from '../support/processes.ts';
import { startTraffic, type Traffic } from '../support/traffic.ts';
import { expectNothingLeft, KEEP, killed } from './support/adoption.ts';
import { call } from './support/calls.ts';
import { createOneProxy, type OneProxy, type Status, untilState } from './support/one-proxy.ts';

const ROUNDS = process.env.FULL === '1' ? 20 : 2;

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

/** The next agent, once it serves with the same Envoy. */
async function adopting(before: Status): Promise<void> {
  agent = await proxy.start(KEEP);
  expect(agent.output()).toContain('adopting it');
  expect(await untilState(proxy, 'ready')).toMatchObject({
    pid: before.pid,
    epoch: before.epoch,
    restarts: 0,
  });
}

async function nothingFailed(): Promise<void> {
  await sleep(300);
  await waitUntil(() => (traffic?.done['keep-alive'] ?? 0) > 50);
  await traffic?.end();
  expect(traffic?.failures, agent.output()).toEqual({});
}

describe('with --keep-envoy, under load', () => {
  test('an agent that is killed costs no request, nor does the next one that adopts its Envoy', async () => {
    agent = await proxy.start(KEEP);
    traffic = startTraffic({ ...proxy, share: 0.5 });
    for (let i = 0; i < ROUNDS; i++) {
      const before = await untilState(proxy, 'ready');
      await killed(agent);
      await sleep(200);
      await adopting(before);
    }
    await nothingFailed();
  });

  test('an Envoy that was adopted is hot-restarted without a failed request, again and again', async () => {
    agent = await proxy.start(KEEP);
    const before = await untilState(proxy, 'ready');
    await killed(agent);
    await adopting(before);
    traffic = startTraffic({ ...proxy, share: 0.5 });
    for (let i = 1; i <= ROUNDS; i++) {
      expect(await proxy.mesh.shell.ok('kuma-dp restart web')).toContain(`epoch ${i} took over`);
      await waitUntil(async () => (await proxy.status()).envoys.length === 1);
    }
    await nothingFailed();
  });

  test('an Envoy that a script of its user starts is adopted like any other', async () => {
    const script = join(proxy.mesh.home, 'envoy-script');
    writeFileSync(script, `#!/bin/sh\nexec '${envoyBinary()}' "$@"\n`, { mode: 0o755 });
    const settings = `${KEEP} --binary-path ${script}`;
    agent = await proxy.start(settings);
    const { pid } = await untilState(proxy, 'ready');
    traffic = startTraffic({ ...proxy, share: 0.5 });
    await killed(agent);
    agent = await proxy.start(settings);
    expect(await untilState(proxy, 'ready')).toMatchObject({ pid, epoch: 0 });
    await nothingFailed();
  });

  test('an agent that is killed while the old Envoy lets its connections go leaves both to the next', async () => {
    agent = await proxy.start(`${KEEP} --parent-shutdown-time 16s`);
    traffic = startTraffic({ ...proxy, share: 0.5 });
    await proxy.mesh.shell.ok('kuma-dp restart web');
    const before = await proxy.status();
    expect(before.envoys).toHaveLength(2);
    for (let i = 0; i < 2; i++) {
      await killed(agent);
      expect(await proxy.status()).toMatchObject({ state: 'unattended', pid: before.pid, epoch: 1 });
      await adopting(before);
    }
    expect((await proxy.status()).envoys).toHaveLength(2);
    await agent.waitForLine('the old Envoy ended');
    // It ended when its time was over, though that was not long after the adoption.
    await sleep(1_000);
    expect(agent.output()).not.toContain('died before its time');
    expect(await proxy.status()).toMatchObject({ state: 'ready', pid: before.pid, restarts: 0 });
    await nothingFailed();
  });

  test('an agent that detaches itself ends with 0, and the next one adopts its Envoy', async () => {
    agent = await proxy.start(KEEP);
    traffic = startTraffic({ ...proxy, share: 0.5 });
    const before = await untilState(proxy, 'ready');
    expect(await proxy.mesh.shell.ok('kuma-dp detach web')).toContain('Envoy serves on');
    expect(await agent.exited).toEqual({ code: 0, signal: null });
    expect(readProcessId(before.pid)).toBeDefined();
    await adopting(before);
    await nothingFailed();
  });
});

describe('an Envoy that was adopted', () => {
  test('gets what changes, and nothing of what it has is sent again', async () => {
    agent = await proxy.start(KEEP);
    const before = await untilState(proxy, 'ready');
    const changes = () => proxy.admin('/stats?filter=(listener|cluster)_(added|modified|removed)$');
    const count = await changes();
    await killed(agent);
    await adopting(before);
    await waitUntil(async () =>
      (await proxy.admin('/stats?filter=connected_state')).includes('connected_state: 1'),
    );
    await sleep(1_500);
    expect(await changes()).toBe(count);
    await proxy.addInbound(15_006);
    await waitUntil(async () => (await call('http://127.0.0.1:15006/')).outcome === 200);
  });

  test('is started again when it is killed, with its last words in the status', async () => {
    agent = await proxy.start(KEEP);
    const before = await untilState(proxy, 'ready');
    await killed(agent);
    await adopting(before);
    const at = performance.now();
    process.kill(before.pid, 'SIGKILL');
    await waitUntil(async () => (await proxy.status()).pid !== before.pid);
    await waitUntil(() => proxy.serves());
    console.log(`kill of an adopted Envoy to first answer: ${Math.round(performance.now() - at)} ms`);
    const { crashes } = await untilState(proxy, 'ready');
    expect(crashes[0]?.reason).toContain('gone without a word');
    expect(crashes[0]?.log.join('\n')).toContain('starting workers');
  });

  test('says in the status what its log says of a signal', async () => {
    agent = await proxy.start(KEEP);
    const { pid } = await untilState(proxy, 'ready');
    process.kill(pid, 'SIGTERM');
    await waitUntil(async () => (await proxy.status()).crashes.length === 1);
    expect((await proxy.status()).crashes[0]?.reason).toBe('ended by SIGTERM');
    await untilState(proxy, 'ready');
  });
});
