import type { FastifyInstance } from 'fastify';
import type { DataplaneInsightSpec, ProxyStatus } from '../../../model/insight.ts';
import { proxyStatus } from '../../../model/overview.ts';
import { resourceTypes } from '../../../model/registry.ts';
import type { Resource } from '../../../model/resource.ts';
import type { DataplaneSpec } from '../../../model/resources/dataplane-spec.ts';
import type { ResourceReader } from '../../resources/rules.ts';
import { type Call, servePath } from '../router.ts';

interface Counts {
  total: number;
  online: number;
  offline: number;
  partiallyDegraded: number;
}

const COUNTED_AS: Readonly<Record<ProxyStatus, keyof Counts>> = {
  Online: 'online',
  Offline: 'offline',
  'Partially degraded': 'partiallyDegraded',
};

/** How much of everything there is, counted at each call. */
export function serveGlobalInsight(app: FastifyInstance, reader: ResourceReader): void {
  const GET = async (_call: Call) => ({ status: 200, body: await countAll(reader) });
  servePath(app, '/global-insight', { GET });
  servePath(app, '/global-insights', { GET });
}

async function countAll(reader: ResourceReader): Promise<object> {
  const counted = resourceTypes.filter((type) => !type.readOnly);
  const totals = await Promise.all(
    counted.map(async (type) => ({ type, total: (await reader.list({ type: type.name })).length })),
  );
  const policies = totals.filter(({ type }) => type.isPolicy).reduce((sum, { total }) => sum + total, 0);
  return {
    createdAt: new Date().toISOString(),
    meshes: { total: totals.find(({ type }) => type.name === 'Mesh')?.total ?? 0 },
    dataplanes: await countDataplanes(reader),
    policies: { total: policies },
    resources: Object.fromEntries(totals.map(({ type, total }) => [type.name, { total }])),
  };
}

async function countDataplanes(reader: ResourceReader): Promise<object> {
  const insights = await reader.list({ type: 'DataplaneInsight' });
  const byProxy = new Map(
    insights.map(({ key, spec }) => [`${key.mesh}/${key.name}`, spec as DataplaneInsightSpec]),
  );
  const kinds = { standard: none(), gatewayBuiltin: none(), gatewayDelegated: none() };
  for (const { key, spec } of (await reader.list({
    type: 'Dataplane',
  })) as readonly Resource<DataplaneSpec>[]) {
    const counts = kinds[kindOf(spec)];
    counts.total += 1;
    counts[COUNTED_AS[proxyStatus(spec, byProxy.get(`${key.mesh}/${key.name}`)).status]] += 1;
  }
  return kinds;
}

function kindOf({
  networking: { gateway },
}: DataplaneSpec): 'standard' | 'gatewayBuiltin' | 'gatewayDelegated' {
  if (gateway === undefined) return 'standard';
  return gateway.type === 'BUILTIN' ? 'gatewayBuiltin' : 'gatewayDelegated';
}

function none(): Counts {
  return { total: 0, online: 0, offline: 0, partiallyDegraded: 0 };
}
