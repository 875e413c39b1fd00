import { describe, expect, test } from 'vitest';
import {
  oldOverviewColumns,
  overviewColumns,
} from '../../../../../src/cli/output/columns/dataplane-overview.ts';
import { formatTable } from '../../../../../src/cli/output/table.ts';

const now = Date.parse('2026-01-01T02:00:00Z');

function overview(name: string, facts: { inbound?: object[]; subscriptions?: object[]; mTLS?: object } = {}) {
  const { inbound = [{ port: 80, tags: { 'kuma.io/service': 'web' } }], subscriptions, mTLS } = facts;
  return {
    mesh: 'm',
    name,
    dataplane: { networking: { address: '127.0.0.1', inbound } },
    ...(subscriptions ? { dataplaneInsight: { subscriptions, ...(mTLS ? { mTLS } : {}) } } : {}),
  } as never;
}

const total = (sent: string, rejected?: string) => ({
  total: { responsesSent: sent, ...(rejected ? { responsesRejected: rejected } : {}) },
});
const earlier = {
  connectTime: '2026-01-01T00:00:00Z',
  disconnectTime: '2026-01-01T00:30:00Z',
  status: total('10', '2'),
};
const open = {
  connectTime: '2026-01-01T01:00:00Z',
  status: { ...total('5'), lastUpdateTime: '2026-01-01T01:58:55Z' },
  version: {
    kumaDp: { version: '0.1.0' },
    envoy: { version: '1.39.0' },
    dependencies: { coredns: '1.8.3' },
  },
};

/** Cells of the first row by header. */
function cells(columns: typeof overviewColumns, item: never): Record<string, string | undefined> {
  const row = columns.row(item, now);
  return Object.fromEntries(columns.headers.map((header, i) => [header, row[i]]));
}

describe('the table of data plane proxies', () => {
  test('adds up all connections and takes times and versions of the newest', () => {
    expect(cells(overviewColumns, overview('a', { subscriptions: [earlier, open] }))).toEqual({
      MESH: 'm',
      NAME: 'a',
      TAGS: 'kuma.io/service=web',
      STATUS: 'Online',
      'LAST CONNECTED AGO': '1h',
      'LAST UPDATED AGO': '1m',
      'TOTAL UPDATES': '15',
      'TOTAL ERRORS': '2',
      'CERT REGENERATED AGO': 'never',
      'CERT EXPIRATION': '-',
      'CERT REGENERATIONS': '0',
      'CERT BACKEND': '-',
      'SUPPORTED CERT BACKENDS': '',
      'KUMA-DP VERSION': '0.1.0',
      'ENVOY VERSION': '1.39.0',
      'DEPENDENCIES VERSIONS': 'coredns: 1.8.3',
      NOTES: '',
    });
  });

  test('shows a proxy that never connected as Offline', () => {
    const row = cells(overviewColumns, overview('a'));
    expect([row.STATUS, row['LAST CONNECTED AGO'], row['TOTAL UPDATES']]).toEqual(['Offline', 'never', '0']);
  });

  test('shows a proxy whose stream ended as Offline', () => {
    expect(cells(overviewColumns, overview('a', { subscriptions: [earlier] })).STATUS).toBe('Offline');
  });

  test('names the inbounds that are not ready', () => {
    const inbound = [
      { port: 80, tags: { 'kuma.io/service': 'web' } },
      { port: 81, tags: { 'kuma.io/service': 'api' }, state: 'NotReady' },
      { port: 82, health: { ready: false } },
    ];
    const row = cells(overviewColumns, overview('a', { inbound, subscriptions: [open] }));
    expect(row.STATUS).toBe('Partially degraded');
    expect(row.NOTES).toBe('inbound[port=81,svc=api] is not ready;inbound[port=82,svc=] is not ready');
  });

  test('shows the certificate of a proxy under mTLS', () => {
    const mTLS = {
      certificateExpirationTime: '2026-01-02T01:00:00.123456789Z',
      lastCertificateRegeneration: '2026-01-01T01:00:00Z',
      certificateRegenerations: 3,
      issuedBackend: 'ca-1',
      supportedBackends: ['ca-1', 'ca-2'],
    };
    const row = cells(overviewColumns, overview('a', { subscriptions: [open], mTLS }));
    expect(Object.values(row).slice(8, 13)).toEqual(['1h', '2026-01-02 01:00:00', '3', 'ca-1', 'ca-1,ca-2']);
  });

  test('in the view of 0.1 has eight columns, old tag names and exact times', () => {
    const inbound = [
      { port: 80, tags: { 'kuma.io/service': 'reviews', version: 'v1', app: 'bookinfo' } },
      { port: 81, tags: { 'kuma.io/service': 'ratings', version: 'v1' }, state: 'NotReady' },
    ];
    const item = overview('reviews-v1', { inbound, subscriptions: [earlier, open] });
    const [header, row] = formatTable(oldOverviewColumns, [item], now).split('\n');
    expect(header).toBe(
      'MESH   NAME         TAGS                                              STATUS   LAST CONNECTED AGO   LAST UPDATED AGO   TOTAL UPDATES   TOTAL ERRORS',
    );
    expect(row).toBe(
      'm      reviews-v1   app=bookinfo service=ratings,reviews version=v1   Online   1h0m0s               1m5s               15              2',
    );
  });
});
