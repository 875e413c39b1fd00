import type { DataplaneInsightSpec, DiscoverySubscription, ProxyStatus } from './insight.ts';
import { formatKri } from './kri.ts';
import type { Resource } from './resource.ts';
import { dataplaneType } from './resources/dataplane.ts';
import { dataplaneInsightType } from './resources/dataplane-insight.ts';
import type { DataplaneSpec, Inbound } from './resources/dataplane-spec.ts';
import type { DataplaneOverview } from './rest.ts';
import { SERVICE_TAG } from './tags.ts';

export function toOverview(
  dataplane: Resource<DataplaneSpec>,
  insight?: Resource<DataplaneInsightSpec>,
): DataplaneOverview {
  const kri = formatKri(dataplane);
  return {
    type: 'DataplaneOverview',
    mesh: dataplane.key.mesh,
    name: dataplane.key.name,
    creationTime: dataplane.creationTime,
    modificationTime: dataplane.modificationTime,
    ...(Object.keys(dataplane.labels).length === 0 ? {} : { labels: dataplane.labels }),
    ...(kri === undefined ? {} : { kri }),
    dataplane: dataplaneType.toJson(underIllness(dataplane.spec, insight?.spec)),
    ...(insight === undefined ? {} : { dataplaneInsight: dataplaneInsightType.toJson(insight.spec) }),
  };
}

/**
 * Offline: no open stream, or none of its inbounds is ready. Partially degraded: some are not. Ignored inbounds do
 * not count, a proxy without inbounds (a gateway, a mere client) is as good as its stream.
 */
export function proxyStatus(
  spec: DataplaneSpec,
  insight: DataplaneInsightSpec | undefined,
): { readonly status: ProxyStatus; readonly notes: readonly string[] } {
  const inbounds = (underIllness(spec, insight).networking.inbound ?? []).filter(
    (inbound) => inbound.state !== 'Ignored',
  );
  const unready = inbounds.filter((inbound) => !isReady(inbound));
  return { status: statusOf(insight, inbounds.length, unready.length), notes: unready.map(describeUnready) };
}

/** No inbound of a proxy is ready whose application is ill; said in the way every kumactl understands. */
function underIllness(spec: DataplaneSpec, insight: DataplaneInsightSpec | undefined): DataplaneSpec {
  const { inbound } = spec.networking;
  if (insight?.illness === undefined || inbound === undefined) return spec;
  const unready = inbound.map(
    (each): Inbound => (each.state === 'Ignored' ? each : { ...each, state: 'NotReady' }),
  );
  return { ...spec, networking: { ...spec.networking, inbound: unready } };
}

/** The subscription that was opened last; of several opened at the same time, the one listed last. */
export function newestSubscription(
  insight: DataplaneInsightSpec | undefined,
): DiscoverySubscription | undefined {
  let newest: DiscoverySubscription | undefined;
  for (const subscription of insight?.subscriptions ?? []) {
    if (newest === undefined || !isBefore(subscription.connectTime, newest.connectTime))
      newest = subscription;
  }
  return newest;
}

function statusOf(insight: DataplaneInsightSpec | undefined, inbounds: number, unready: number): ProxyStatus {
  const newest = newestSubscription(insight);
  const isConnected =
    newest !== undefined && newest.connectTime !== '' && newest.disconnectTime === undefined;
  if (!isConnected || (inbounds > 0 && unready === inbounds)) return 'Offline';
  return unready > 0 ? 'Partially degraded' : 'Online';
}

// Times may carry fractions of different length, so they are compared as times, not as texts.
function isBefore(a: string, b: string): boolean {
  return Date.parse(a) < Date.parse(b);
}

// `health` is the older way to say it; a state decides over it.
function isReady({ state, health }: Inbound): boolean {
  return state === undefined ? health?.ready !== false : state === 'Ready';
}

function describeUnready({ port, tags }: Inbound): string {
  return `inbound[port=${port},svc=${tags[SERVICE_TAG] ?? ''}] is not ready`;
}
