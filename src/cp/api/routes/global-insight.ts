import type { FastifyInstance } from 'fastify';
import type { DataplaneInsightSpec, ProxyStatus } from '../../../model/insight.ts';
import { proxyStatus } from '../../../model/overview.ts';
import { resourceTypes } from '../../../model/registry.ts';
import type { Resource } from '../../../model/resource.ts';
import type { DataplaneSpec } from '../../../model/resources/dataplane-spec.ts';
import { SERVICE_TAG } from '../../../model/tags.ts';
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
  servePath(app, '/global-insights', { GET: async () => ({ status: 200, body: await countGlobal(reader) }) });
}

/** The newer page of a similar name: only what belongs to no mesh. */
async function countGlobal(reader: ResourceReader): Promise<object> {
  const types = resourceTypes.filter((type) => type.scope === 'global' && !type.readOnly);
  const totals = await Promise.all(
    types.map(async ({ name }) => [name, { total: (await reader.list({ type: name })).length }] as const),
  );
  return {
    type: 'GlobalInsights',
    creationTime: new Date().toISOString(),
    resources: Object.fromEntries(totals),
  };
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
    resources: Object.fromEntries(
      totals
        .filter(({ type, total }) => type.scope === 'mesh' && total > 0)
        .map(({ type, total }) => [type.name, { total }]),
    ),
    services: await countServices(reader),
    // There is one zone only, and it is this one.
    zones: {
      controlPlanes: { online: 0, total: 0 },
      zoneEgresses: { online: 0, total: 0 },
      zoneIngresses: { online: 0, total: 0 },
    },
  };
}

async function countDataplanes(reader: ResourceReader): Promise<object> {
  const kinds = { standard: none(), gatewayBuiltin: none(), gatewayDelegated: none() };
  for (const { spec, status } of await statuses(reader)) add(kinds[kindOf(spec)], status);
  return kinds;
}

/** A service is online with all its proxies, offline without any, and partially degraded between. */
async function countServices(reader: ResourceReader): Promise<object> {
  const proxies = new Map<string, { kind: keyof typeof counts; online: number; total: number }>();
  const counts = { internal: none(), gatewayBuiltin: none(), gatewayDelegated: none() };
  for (const { mesh, spec, status } of await statuses(reader)) {
    const { inbound = [], gateway } = spec.networking;
    const tags = gateway === undefined ? inbound.map((each) => each.tags) : [gateway.tags];
    const kind = kindOf(spec);
    for (const service of new Set(tags.flatMap((each) => each[SERVICE_TAG] ?? []))) {
      const found = proxies.get(`${mesh}/${service}`);
      const entry = found ?? { kind: kind === 'standard' ? 'internal' : kind, online: 0, total: 0 };
      entry.total += 1;
      if (status === 'Online') entry.online += 1;
      proxies.set(`${mesh}/${service}`, entry);
    }
  }
  for (const { kind, online, total } of proxies.values())
    add(counts[kind], online === total ? 'Online' : online === 0 ? 'Offline' : 'Partially degraded');
  return { ...counts, external: { total: 0 } };
}

interface Proxy {
  readonly mesh: string;
  readonly spec: DataplaneSpec;
  readonly status: ProxyStatus;
}

async function statuses(reader: ResourceReader): Promise<readonly Proxy[]> {
  const insights = await reader.list({ type: 'DataplaneInsight' });
  const byProxy = new Map(
    insights.map(({ key, spec }) => [`${key.mesh}/${key.name}`, spec as DataplaneInsightSpec]),
  );
  const dataplanes = (await reader.list({ type: 'Dataplane' })) as readonly Resource<DataplaneSpec>[];
  return dataplanes.map(({ key, spec }) => {
    const { status } = proxyStatus(spec, byProxy.get(`${key.mesh}/${key.name}`));
    return { mesh: key.mesh, spec, status };
  });
}

function add(counts: Counts, status: ProxyStatus): void {
  counts.total += 1;
  counts[COUNTED_AS[status]] += 1;
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
