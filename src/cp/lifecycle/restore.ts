import type { DataplaneInsightSpec } from '../../model/insight.ts';
import type { Resource } from '../../model/resource.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import type { ProxyInsights } from '../insights/proxy-insights.ts';
import type { ResourceReader } from '../resources/rules.ts';
import type { ProxyHealth } from './health.ts';
import type { ProxyLeases } from './leases.ts';

export interface RestoreOptions {
  readonly manager: Pick<ResourceReader, 'list'>;
  readonly leases: ProxyLeases;
  readonly insights: ProxyInsights;
  readonly health: Pick<ProxyHealth, 'restoreIllness'>;
}

/**
 * Takes up the proxies' lives where the last run of this control plane left them. Whoever was not out then gets a whole
 * new lease to come back, however long nobody was here to come back to; who left or was out stays out; who never
 * connected serves.
 */
export async function restoreProxies({ manager, leases, insights, health }: RestoreOptions): Promise<void> {
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
    if (spec.left === true || spec.expired === true) leases.left(proxy);
    else {
      leases.awaitReturn(proxy, address);
      if (spec.illness !== undefined) health.restoreIllness(proxy);
    }
  }
}
