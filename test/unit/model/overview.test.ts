import { describe, expect, test } from 'vitest';
import type { DataplaneInsightSpec } from '../../../src/model/insight.ts';
import { proxyStatus, toOverview } from '../../../src/model/overview.ts';
import type { DataplaneSpec, Inbound } from '../../../src/model/resources/dataplane-spec.ts';

const counters = { total: {}, cds: {}, eds: {}, lds: {}, rds: {} };
const subscription = (connectTime: string, disconnectTime?: string) => ({
  id: connectTime,
  controlPlaneInstanceId: 'cp',
  connectTime,
  ...(disconnectTime === undefined ? {} : { disconnectTime }),
  status: counters,
});
const insight = (...subscriptions: ReturnType<typeof subscription>[]): DataplaneInsightSpec => ({
  subscriptions,
});
const online = insight(subscription('2026-01-01T00:00:00Z'));
const proxy = (...inbound: Partial<Inbound>[]): DataplaneSpec => ({
  networking: {
    address: '10.0.0.1',
    inbound: inbound.map((rest, i) => ({ port: 9001 + i, tags: { 'kuma.io/service': 'x' }, ...rest })),
  },
});

describe('the status of a proxy', () => {
  test('is Offline before its first and after its last stream', () => {
    expect(proxyStatus(proxy({}), undefined).status).toBe('Offline');
    expect(proxyStatus(proxy({}), insight()).status).toBe('Offline');
    const closed = insight(subscription('2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'));
    expect(proxyStatus(proxy({}), closed).status).toBe('Offline');
  });

  test('follows the stream that was opened last, however the list is ordered', () => {
    const open = subscription('2026-01-01T00:00:10.5Z');
    const closed = subscription('2026-01-01T00:00:10Z', '2026-01-01T00:00:11Z');
    expect(proxyStatus(proxy({}), insight(open, closed)).status).toBe('Online');
    expect(proxyStatus(proxy({}), insight(closed, open)).status).toBe('Online');
    const gone = subscription('2026-01-01T00:00:20Z', '2026-01-01T00:00:21Z');
    expect(proxyStatus(proxy({}), insight(open, gone)).status).toBe('Offline');
  });

  test.each<[Partial<Inbound>[], string]>([
    [[{}, {}], 'Online'],
    [[], 'Online'],
    [[{ state: 'Ignored' }], 'Online'],
    [[{}, { state: 'NotReady' }], 'Partially degraded'],
    [[{}, { health: { ready: false } }], 'Partially degraded'],
    [[{ state: 'Ready', health: { ready: false } }], 'Online'],
    [[{ state: 'NotReady' }, { state: 'Ignored' }], 'Offline'],
  ])('with a stream and the inbounds %j is %s', (inbounds, status) => {
    expect(proxyStatus(proxy(...inbounds), online).status).toBe(status);
  });

  test('names the inbounds that are not ready', () => {
    expect(proxyStatus(proxy({ state: 'NotReady' }, {}), online).notes).toEqual([
      'inbound[port=9001,svc=x] is not ready',
    ]);
  });
});

test('an overview holds the proxy and what is known of its connection', () => {
  const times = { creationTime: '2026-01-01T00:00:00Z', modificationTime: '2026-01-02T00:00:00Z' };
  const key = { type: 'Dataplane', mesh: 'm', name: 'a' };
  const dataplane = { key, labels: { k: 'v' }, ...times, revision: 1, spec: proxy({}) };
  const head = {
    type: 'DataplaneOverview',
    mesh: 'm',
    name: 'a',
    ...times,
    labels: { k: 'v' },
    kri: 'kri_dp_m___a_',
  };
  expect(toOverview(dataplane)).toEqual({ ...head, dataplane: dataplane.spec });
  const seen = { ...dataplane, key: { ...key, type: 'DataplaneInsight' }, spec: online };
  expect(toOverview(dataplane, seen)).toEqual({
    ...head,
    dataplane: dataplane.spec,
    dataplaneInsight: online,
  });
});

describe('a proxy whose application is ill', () => {
  const ill = { ...online, illness: { since: '2026-01-01T00:00:00Z', reason: 'connection refused' } };

  test('is Offline, with a note for each inbound but the ignored', () => {
    const spec = proxy({}, { state: 'Ignored' }, { state: 'Ready' });
    expect(proxyStatus(spec, ill)).toEqual({
      status: 'Offline',
      notes: ['inbound[port=9001,svc=x] is not ready', 'inbound[port=9003,svc=x] is not ready'],
    });
    expect(proxyStatus(spec, online).status).toBe('Online');
  });

  test('shows its inbounds as not ready to every reader, and its own document is left alone', () => {
    const spec = proxy({});
    const resource = {
      key: { type: 'Dataplane', mesh: 'default', name: 'a' },
      labels: {},
      creationTime: '2026-01-01T00:00:00Z',
      modificationTime: '2026-01-01T00:00:00Z',
      spec,
    };
    const overview = toOverview(
      resource as unknown as Parameters<typeof toOverview>[0],
      { ...resource, spec: ill } as unknown as Parameters<typeof toOverview>[1],
    );
    expect(overview.dataplane).toMatchObject({ networking: { inbound: [{ state: 'NotReady' }] } });
    expect(overview.dataplaneInsight).toMatchObject({ illness: { reason: 'connection refused' } });
    expect(spec).toEqual(proxy({}));
  });
});
