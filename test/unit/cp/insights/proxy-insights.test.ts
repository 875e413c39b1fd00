import { describe, expect, test } from 'vitest';
import { ProxyInsights } from '../../../../src/cp/insights/proxy-insights.ts';
import { CLUSTER, SECRET } from '../../../../src/envoy/type-urls.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import type { DataplaneInsightSpec } from '../../../../src/model/insight.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const proxy = { mesh: 'm', name: 'a' };

function setUp() {
  const clock = createFakeClock();
  const written: DataplaneInsightSpec[] = [];
  let ids = 0;
  const insights = new ProxyInsights({
    clock,
    logger: silentLogger,
    instanceId: 'cp-1',
    newId: () => `s${++ids}`,
    flushMs: 1_000,
    counterFlushMs: 10_000,
    write: async (batch) => {
      written.push(...batch.map((b) => b.spec));
    },
  });
  return { clock, written, insights };
}

describe('counters', () => {
  test('are counted by type and in total, as strings', () => {
    const { insights } = setUp();
    insights.opened(proxy, undefined);
    insights.sent(proxy, CLUSTER);
    insights.sent(proxy, CLUSTER);
    insights.acknowledged(proxy, CLUSTER);
    insights.rejected(proxy, CLUSTER, 'no such thing');
    insights.sent(proxy, SECRET);
    const [subscription] = insights.get('m', 'a')?.subscriptions ?? [];
    expect(subscription?.status.cds).toEqual({
      responsesSent: '2',
      responsesAcknowledged: '1',
      responsesRejected: '1',
    });
    expect(subscription?.status.total).toEqual({
      responsesSent: '3',
      responsesAcknowledged: '1',
      responsesRejected: '1',
    });
    expect(subscription?.status.eds).toEqual({});
  });

  test('the text of a rejection is kept until the type is accepted again', () => {
    const { insights } = setUp();
    insights.opened(proxy, undefined);
    insights.rejected(proxy, CLUSTER, 'bad cluster');
    expect(insights.get('m', 'a')?.rejections).toMatchObject([{ typeUrl: CLUSTER, message: 'bad cluster' }]);
    insights.acknowledged(proxy, CLUSTER);
    expect(insights.get('m', 'a')?.rejections).toBeUndefined();
  });
});

describe('subscriptions', () => {
  test('open ones have no disconnect time, closed ones do, and the newest two are kept', () => {
    const { clock, insights } = setUp();
    for (let i = 0; i < 3; i++) {
      insights.opened(proxy, undefined);
      clock.advance(10);
      insights.closed(proxy);
    }
    insights.opened(proxy, undefined);
    const list = insights.get('m', 'a')?.subscriptions ?? [];
    expect(list.map((s) => [s.id, s.disconnectTime === undefined])).toEqual([
      ['s3', false],
      ['s4', true],
    ]);
  });

  test('those a dead control plane left open are closed when its successor starts', () => {
    const { insights, clock } = setUp();
    const status = { total: {}, cds: {}, eds: {}, lds: {}, rds: {} };
    insights.restore(proxy, {
      subscriptions: [
        { id: 'x', controlPlaneInstanceId: 'cp-0', connectTime: '2029-01-01T00:00:00Z', status },
      ],
    });
    expect(insights.get('m', 'a')?.subscriptions[0]?.disconnectTime).toBe(
      new Date(clock.now()).toISOString(),
    );
  });
});

test('changes are written together after a moment, and at once when asked', async () => {
  const { clock, written, insights } = setUp();
  insights.opened(proxy, undefined);
  insights.sent(proxy, CLUSTER);
  expect(written).toHaveLength(0);
  clock.advance(1_000);
  await insights.flush();
  expect(written).toHaveLength(1);
  insights.closed(proxy);
  await insights.flush();
  expect(written).toHaveLength(2);
  await insights.flush();
  expect(written).toHaveLength(2);
});

test('what only counts messages waits longer than a change of state, and goes along with one', async () => {
  const { clock, written, insights } = setUp();
  insights.opened(proxy, undefined);
  await insights.flush();
  insights.sent(proxy, CLUSTER);
  clock.advance(9_999);
  await Promise.resolve();
  expect(written).toHaveLength(1);
  clock.advance(1);
  await expect.poll(() => written.length).toBe(2);
  insights.sent(proxy, CLUSTER);
  insights.rejected(proxy, CLUSTER, 'no such thing');
  clock.advance(1_000);
  await expect.poll(() => written.length).toBe(3);
  expect(written.at(-1)?.subscriptions[0]?.status.cds).toMatchObject({ responsesSent: '2' });
  insights.acknowledged(proxy, CLUSTER);
  clock.advance(1_000);
  await expect.poll(() => written.at(-1)?.rejections).toBeUndefined();
  clock.advance(60_000);
  await insights.flush();
  expect(written).toHaveLength(4);
});

describe('a store that fails', () => {
  /** A store that works only while `works`, and what it was told. */
  function setUpFailing() {
    const clock = createFakeClock();
    const warnings: string[] = [];
    const state = { works: false, written: [] as string[] };
    const insights = new ProxyInsights({
      clock,
      logger: { ...silentLogger, warn: (_facts, message) => warnings.push(message) },
      instanceId: 'cp-1',
      newId: () => 's',
      flushMs: 1_000,
      counterFlushMs: 10_000,
      write: async (batch) => {
        if (!state.works) throw new Error('disk full');
        state.written.push(...batch.map((b) => b.proxy.name));
      },
    });
    return { clock, warnings, state, insights };
  }

  test('gets what it missed as soon as it works again, without a further change', async () => {
    const { clock, warnings, state, insights } = setUpFailing();
    insights.opened(proxy, undefined);
    for (let i = 0; i < 10; i++) {
      clock.advance(1_000);
      await insights.flush();
    }
    expect(warnings).toEqual(['insights could not be written; it is tried until it works']);
    state.works = true;
    clock.advance(1_000);
    await expect.poll(() => state.written).toEqual(['a']);
  });

  test('is not told of proxies that were forgotten meanwhile', async () => {
    const { clock, state, insights } = setUpFailing();
    insights.opened(proxy, undefined);
    await insights.flush();
    insights.forget(proxy);
    state.works = true;
    clock.advance(1_000);
    await insights.flush();
    expect(state.written).toEqual([]);
  });
});

test('a slow store gets one batch at a time, each with the newest state', async () => {
  const clock = createFakeClock();
  const batches: number[] = [];
  let release = () => {};
  const insights = new ProxyInsights({
    clock,
    logger: silentLogger,
    instanceId: 'cp-1',
    newId: () => 's',
    flushMs: 1_000,
    counterFlushMs: 10_000,
    write: (batch) => {
      batches.push(batch.length);
      return new Promise((resolve) => {
        release = resolve;
      });
    },
  });
  insights.opened(proxy, undefined);
  const first = insights.flush();
  await expect.poll(() => batches).toEqual([1]);
  const others = Array.from({ length: 20 }, () => {
    insights.sent(proxy, CLUSTER);
    return insights.flush();
  });
  release();
  await first;
  await expect.poll(() => batches).toEqual([1, 1]);
  release();
  await Promise.all(others);
  expect(batches).toEqual([1, 1]);
});

test('whether a proxy left or its lease ran out survives a restart, and its return ends it', () => {
  for (const gone of ['left', 'expired'] as const) {
    const before = setUp().insights;
    before.opened(proxy, undefined);
    before.closed(proxy);
    before[gone](proxy);
    const after = setUp().insights;
    const stored = before.get('m', 'a');
    expect(stored).toMatchObject({ [gone]: true });
    if (stored !== undefined) after.restore(proxy, stored);
    expect(after.get('m', 'a')).toMatchObject({ [gone]: true });
    after.opened(proxy, undefined);
    expect(after.get('m', 'a')).not.toHaveProperty(gone);
  }
});
