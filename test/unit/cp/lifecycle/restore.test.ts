import { describe, expect, test } from 'vitest';
import { ProxyInsights } from '../../../../src/cp/insights/proxy-insights.ts';
import { ProxyLeases } from '../../../../src/cp/lifecycle/leases.ts';
import { restoreProxies } from '../../../../src/cp/lifecycle/restore.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import type { DataplaneInsightSpec } from '../../../../src/model/insight.ts';
import type { Resource } from '../../../../src/model/resource.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const LEASE = 60_000;
const STATUS = { total: {}, cds: {}, eds: {}, lds: {}, rds: {} };
const subscription = {
  id: 's',
  controlPlaneInstanceId: 'cp-0',
  connectTime: '2020-01-01T00:00:00Z',
  status: STATUS,
};

/** A control plane that starts with this insight of proxy `a` in its store; it was away for years. */
async function start(insight: DataplaneInsightSpec) {
  const clock = createFakeClock();
  const seen: string[] = [];
  const leases = new ProxyLeases({
    clock,
    logger: silentLogger,
    graceMs: 3_000,
    leaseMs: LEASE,
    onLiveness: (_proxy, liveness) => seen.push(liveness),
  });
  const insights = new ProxyInsights({
    clock,
    logger: silentLogger,
    instanceId: 'cp-1',
    newId: () => 's2',
    flushMs: 1_000,
    counterFlushMs: 1_000,
    write: async () => {},
  });
  const times = { creationTime: '', modificationTime: '' };
  const stored: Resource = {
    key: { type: 'DataplaneInsight', mesh: 'm', name: 'a' },
    labels: {},
    ...times,
    revision: 1,
    spec: insight,
  };
  const manager = {
    list: async ({ type }: { type: string }) => (type === 'DataplaneInsight' ? [stored] : []),
  };
  await restoreProxies({ manager, leases, insights, health: { restoreIllness() {} } });
  return { clock, seen, insights };
}

describe('a control plane that starts again', () => {
  test.each([
    ['had a stream', subscription],
    [
      'had lost its stream and not yet its lease',
      { ...subscription, disconnectTime: '2020-01-01T00:00:05Z' },
    ],
  ])('gives a proxy that %s a whole lease, however long it was away itself', async (_what, last) => {
    const { clock, seen } = await start({ subscriptions: [last] });
    expect(seen).toEqual(['serving']);
    clock.advance(LEASE - 1);
    expect(seen).toEqual(['serving']);
    clock.advance(1);
    expect(seen).toEqual(['serving', 'out']);
  });

  test.each(['left', 'expired'] as const)('waits for no proxy that %s', async (gone) => {
    const ended = { ...subscription, disconnectTime: '2020-01-01T00:00:05Z' };
    const { clock, seen, insights } = await start({ subscriptions: [ended], [gone]: true });
    clock.advance(LEASE);
    expect(seen).toEqual(['out']);
    expect(insights.get('m', 'a')).toMatchObject({ [gone]: true });
  });
});
