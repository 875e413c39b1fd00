import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningProgram } from '../support/processes.ts';
import { startTraffic, untilAllKinds } from '../support/traffic.ts';
import { createOneProxy, type OneProxy } from './support/one-proxy.ts';

const LOAD_MS = process.env.FULL === '1' ? 30_000 : 4_000;
/** An agent that kept what nobody reads would be far beyond. */
const MAX_RSS_MB = 120;

let proxy: OneProxy;

beforeAll(async () => {
  proxy = await createOneProxy();
});

afterAll(() => proxy.close());

function rssMb({ pid }: RunningProgram): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

test.each([
  ['is thrown away', '/dev/null'],
  ['nobody reads', '>(exec sleep 600 > /dev/null 2>&1)'],
])(
  'an Envoy at trace level whose log %s serves and is hot-restarted under load, and the agent does not grow',
  async (_, to) => {
    const agent = proxy.launch(
      `--envoy-log-level trace --drain-time 1s --parent-shutdown-time 5s > ${to} 2>&1`,
    );
    expect((await proxy.mesh.shell.run('kuma-dp wait --timeout 60s')).code).toBe(0);
    const traffic = startTraffic({ ...proxy, share: 0.3 });
    await sleep(LOAD_MS / 2);
    const { stdout, stderr } = await proxy.mesh.shell.run('kuma-dp restart web');
    expect(stdout, stderr).toContain('epoch 1 took over');
    await sleep(LOAD_MS / 2);
    const rss = rssMb(agent);
    const log = await proxy.mesh.shell.ok('kuma-dp logs web');
    await untilAllKinds(traffic);
    await traffic.end();
    console.log(`${Math.round(rss)} MB, ${JSON.stringify(traffic.done)}`);
    expect(traffic.failures).toEqual({});
    expect(log).toContain('[trace]');
    expect(rss).toBeLessThan(MAX_RSS_MB);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  },
);
