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
