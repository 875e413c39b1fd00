import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RunningProgram } from '../support/processes.ts';
import { startTraffic, type Traffic } from '../support/traffic.ts';
import { createOneProxy, type OneProxy, untilState } from './support/one-proxy.ts';

const ROUNDS = process.env.FULL === '1' ? 20 : 3;
const KEEP = '--keep-envoy --drain-time 2s --parent-shutdown-time 4s';

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
  const { code } = await agent.stop();
  expect(code, agent.output()).toBe(0);
  expect(leftovers()).toEqual([]);
});

/** What a stop must not leave: private directories, shared memory, Envoys. */
function leftovers(): readonly string[] {
  const dirs = list(join(proxy.mesh.home, 'run')).filter((name) => name !== '.secrets');
  const logs = list(join(proxy.mesh.home, 'state', 'bookinfo.web')).filter((name) => name.endsWith('.log'));
  return [...dirs, ...logs];
}

function list(dir: string): readonly string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}

async function killAgent(): Promise<number> {
  const { pid } = await untilState(proxy, 'ready');
  agent.signal('SIGKILL');
  await agent.exited;
  return pid;
}

describe('an agent with --keep-envoy that is killed', () => {
  test('costs no request, nor does the next one that adopts its Envoy', async () => {
    agent = await proxy.start(KEEP);
    traffic = startTraffic({ ...proxy, share: 0.5 });
    for (let i = 0; i < ROUNDS; i++) {
      const pid = await killAgent();
      await sleep(300);
      agent = await proxy.start(KEEP);
      expect((await untilState(proxy, 'ready')).pid).toBe(pid);
    }
    await sleep(500);
    await traffic.end();
    expect(traffic.failures, agent.output()).toEqual({});
  });
});
