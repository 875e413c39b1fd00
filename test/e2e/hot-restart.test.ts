import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RunningProgram } from '../support/processes.ts';
import { startTraffic, type Traffic } from '../support/traffic.ts';
import { createOneProxy, type OneProxy, untilState } from './support/one-proxy.ts';

/** Short enough that five hand-overs fit into a test, long enough for the slowest request. */
const TIMES = '--drain-time 2s --parent-shutdown-time 4s';

let proxy: OneProxy;
let traffic: Traffic;
let agent: RunningProgram;

beforeAll(async () => {
  proxy = await createOneProxy();
});

afterAll(() => proxy.close());

afterEach(async () => {
  await traffic.end();
  const file = await proxy.sharedMemory();
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(file).toMatch(/^\/dev\/shm\//);
  expect(existsSync(file ?? '')).toBe(false);
});

async function begin(args = ''): Promise<void> {
  agent = await proxy.start(`${TIMES} ${args}`);
  traffic = startTraffic(proxy);
}

const restart = () => proxy.mesh.shell.run('kuma-dp restart web');

describe('under load of every kind no request fails', () => {
  test('while five Envoys take over from each other in a row', async () => {
    await begin();
    for (let epoch = 1; epoch <= 5; epoch++) {
      const result = await restart();
      expect(result.stdout, result.stderr + agent.output()).toContain(`epoch ${epoch} took over`);
    }
    await traffic.end();
    expect(traffic.failures).toEqual({});
    expect(await untilState(proxy, 'ready')).toMatchObject({ epoch: 5, restarts: 0 });
    console.log(traffic.done);
  });
});
