import { isJsonObject, type Json, type JsonObject } from '../../../lib/json.ts';
import { toOldTags } from '../../../model/dialect/tags.ts';
import type { DataplaneInsightSpec, DiscoverySubscription } from '../../../model/insight.ts';
import { newestSubscription, proxyStatus } from '../../../model/overview.ts';
import type { DataplaneSpec, Inbound, InboundState } from '../../../model/resources/dataplane-spec.ts';
import { readAt, readList, readOptional, readText } from '../read.ts';
import type { Columns } from '../table.ts';
import { formatExactTimeSince, formatTimeSince } from '../time-since.ts';
import { formatTags } from './tags.ts';

const OLD_HEADERS = [
  'MESH',
  'NAME',
  'TAGS',
  'STATUS',
  'LAST CONNECTED AGO',
  'LAST UPDATED AGO',
  'TOTAL UPDATES',
  'TOTAL ERRORS',
];

export const overviewColumns: Columns<JsonObject> = {
  headers: [
    ...OLD_HEADERS,
    'CERT REGENERATED AGO',
    'CERT EXPIRATION',
    'CERT REGENERATIONS',
    'CERT BACKEND',
    'SUPPORTED CERT BACKENDS',
    'KUMA-DP VERSION',
    'ENVOY VERSION',
    'DEPENDENCIES VERSIONS',
    'NOTES',
  ],
  row: (overview, now) => {
    const insight = readInsight(overview);
    const newest = newestSubscription(insight);
    const { status, notes } = proxyStatus(readSpec(overview), insight);
    return [
      readText(overview, 'mesh'),
      readText(overview, 'name'),
      formatTags(overview.dataplane),
      status,
      formatTimeSince(newest?.connectTime, now),
      formatTimeSince(newest?.status.lastUpdateTime, now),
      ...countTotals(insight),
      ...describeCertificate(readAt(overview, 'dataplaneInsight', 'mTLS'), now),
      newest?.version?.kumaDp?.version ?? '',
      newest?.version?.envoy?.version ?? '',
      describeDependencies(newest),
      notes.join(';'),
    ];
  },
};

/** The table of the first release: a proxy is Online while its stream is open, times are exact. */
export const oldOverviewColumns: Columns<JsonObject> = {
  headers: OLD_HEADERS,
  row: (overview, now) => {
    const insight = readInsight(overview);
    const newest = newestSubscription(insight);
    return [
      readText(overview, 'mesh'),
      readText(overview, 'name'),
      formatTags(overview.dataplane, toOldTags),
      proxyStatus({ networking: { address: '' } }, insight).status,
      formatExactTimeSince(newest?.connectTime, now),
      formatExactTimeSince(newest?.status.lastUpdateTime, now),
      ...countTotals(insight),
    ];
  },
};

/** Responses sent and responses rejected, over all subscriptions there are. */
function countTotals({ subscriptions }: DataplaneInsightSpec): [updates: string, errors: string] {
  const sum = (counter: 'responsesSent' | 'responsesRejected') =>
    subscriptions.reduce((total, { status }) => total + (Number(status.total[counter]) || 0), 0);
  return [String(sum('responsesSent')), String(sum('responsesRejected'))];
}

/** Regenerated, expires, regenerations, backend, supported backends; without mTLS the marks of 2.14 for it. */
function describeCertificate(mtls: Json | undefined, now: number): string[] {
  const expiration = Date.parse(readText(mtls, 'certificateExpirationTime'));
  const supported = readAt(mtls, 'supportedBackends');
  return [
    formatTimeSince(readOptional(mtls, 'lastCertificateRegeneration'), now),
    Number.isNaN(expiration) ? '-' : new Date(expiration).toISOString().slice(0, 19).replace('T', ' '),
    readText(mtls, 'certificateRegenerations') || '0',
    readText(mtls, 'issuedBackend') || '-',
    Array.isArray(supported) ? supported.join(',') : '',
  ];
}

function describeDependencies(subscription: DiscoverySubscription | undefined): string {
  const entries = Object.entries(subscription?.version?.dependencies ?? {}).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return entries.map(([name, version]) => `${name}: ${version}`).join(', ') || '-';
}

/** What the status depends on; gaps in another control plane's answer are filled. */
function readSpec(overview: JsonObject): DataplaneSpec {
  const inbound = readList(overview, 'dataplane', 'networking', 'inbound').map((json): Inbound => {
    const state = readOptional(json, 'state') as InboundState | undefined;
    return {
      port: Number(readText(json, 'port')) || 0,
      tags: (isJsonObject(json.tags) ? json.tags : {}) as Inbound['tags'],
      ...(state === undefined ? {} : { state }),
      ...(isJsonObject(json.health) ? { health: { ready: json.health.ready === true } } : {}),
    };
  });
  return { networking: { address: '', inbound } };
}

function readInsight(overview: JsonObject): DataplaneInsightSpec {
  const subscriptions = readList(overview, 'dataplaneInsight', 'subscriptions').map((json) => {
    const status = isJsonObject(json.status) ? json.status : {};
    const total = isJsonObject(status.total) ? status.total : {};
    return { ...json, connectTime: readText(json, 'connectTime'), status: { ...status, total } };
  });
  return { subscriptions: subscriptions as unknown as readonly DiscoverySubscription[] };
}
