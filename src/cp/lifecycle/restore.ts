import type { Clock } from '../../lib/clock.ts';
import type { DataplaneInsightSpec } from '../../model/insight.ts';
import type { Resource } from '../../model/resource.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import type { ProxyInsights } from '../insights/proxy-insights.ts';
import type { ResourceReader } from '../resources/rules.ts';
import type { ProxyLeases } from './leases.ts';

export interface RestoreOptions {
  readonly manager: Pick<ResourceReader, 'list'>;
  readonly leases: ProxyLeases;
  readonly insights: ProxyInsights;
  readonly leaseMs: number;
  readonly clock: Clock;
}

/**
 * Takes up the proxies' lives where the last run of this control plane left them. Who was connected, or lost for less
 * than a lease, gets a whole new lease to come back; who left or was out before stays out; who never connected serves.
 */
export async function restoreProxies({
  manager,
  leases,
  insights,
  leaseMs,
  clock,
}: RestoreOptions): Promise<void> {
  const known = await manager.list({ type: 'DataplaneInsight' });
  const dataplanes = new Map(
    (await manager.list({ type: 'Dataplane' })).map((d) => [
      `${d.key.mesh}.${d.key.name}`,
      d as Resource<DataplaneSpec>,
    ]),
  );
  for (const { key, spec } of known as readonly Resource<DataplaneInsightSpec>[]) {
    const proxy = { mesh: key.mesh, name: key.name };
    insights.restore(proxy, spec);
    const address = dataplanes.get(`${key.mesh}.${key.name}`)?.spec.networking.address ?? '';
    if (isPast(spec, clock.now() - leaseMs)) leases.left(proxy);
    else leases.awaitReturn(proxy, address);
  }
}

function isPast(spec: DataplaneInsightSpec, before: number): boolean {
  const ended = spec.subscriptions.at(-1)?.disconnectTime;
  return spec.left === true || (ended !== undefined && Date.parse(ended) < before);
}
