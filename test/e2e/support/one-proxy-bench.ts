import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type RunningProgram, waitUntil } from '../../support/processes.ts';
import { startTraffic, type Traffic } from '../../support/traffic.ts';
import { createOneProxy, type OneProxy, type Status, untilState } from './one-proxy.ts';

/** One proxy for all tests of a file; each test has an agent of its own, and traffic where it wants some. */
export interface OneProxyBench {
  readonly proxy: OneProxy;
  /** Of the test that runs; stopped after it. */
  agent: RunningProgram;
  load(): Traffic;
  /** Pages of listeners, to compare. */
  listeners(): Promise<string>;
  /** Until this Envoy is gone and another one is ready. */
  untilReplaced(pid: number): Promise<Status>;
}

/** Registers its own hooks. `clean`: an agent that does not end with 0 fails its test. */
export function useOneProxy({ clean = false } = {}): OneProxyBench {
  let proxy: OneProxy | undefined;
  let agent: RunningProgram | undefined;
  let traffic: Traffic | undefined;
  beforeAll(async () => {
    proxy = await createOneProxy();
  });
  afterAll(() => proxy?.close());
  afterEach(async () => {
    await traffic?.end();
    traffic = undefined;
    const exit = await agent?.stop();
    agent = undefined;
    if (clean) expect(exit).toEqual({ code: 0, signal: null });
  });
  const bench: OneProxyBench = {
    get proxy() {
      return given(proxy);
    },
    get agent() {
      return given(agent);
    },
    set agent(next) {
      agent = next;
    },
    load() {
      traffic = startTraffic(bench.proxy);
      return traffic;
    },
    listeners: () => bench.proxy.admin('/listeners?format=json'),
    async untilReplaced(pid) {
      await waitUntil(async () => (await bench.proxy.status()).pid !== pid, {
        describe: () => `another Envoy than ${pid}:\n${bench.agent.output()}`,
      });
      return untilState(bench.proxy, 'ready');
    },
  };
  return bench;
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('not there yet');
  return value;
}
