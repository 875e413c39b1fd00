import { parse as parseYaml } from 'yaml';
import { type Fleet, startFleet } from '../../support/fleet.ts';
import type { BenchControlPlane } from './control-plane.ts';
import { call } from './http.ts';

/**
 * A mesh as large installations have it: 50 services with equally many proxies each, every proxy calls 20 services.
 * All call `common`, and the first proxies call `rare` (so many that "150 of 1000 affected" is measured). Half of the
 * services speak HTTP.
 */
export const MESH = 'default';
export const COMMON = 'common';
export const RARE = 'rare';
const SERVICES = 50;
const OUTBOUNDS = 20;
const RARE_CALLERS_IN_1000 = 150;

export function proxyName(i: number): string {
  return `dp-${i}`;
}

/** Who calls `rare` in a mesh of so many proxies. */
export function rareCallers(count: number): number[] {
  return Array.from({ length: (count * RARE_CALLERS_IN_1000) / 1000 }, (_, i) => i);
}

export function dataplane(i: number, count: number): object {
  const own = i % SERVICES;
  const calls = Array.from({ length: OUTBOUNDS - 1 }, (_, k) => serviceName((own + 1 + k) % SERVICES));
  if (rareCallers(count).includes(i)) calls[0] = RARE;
  return {
    type: 'Dataplane',
    mesh: MESH,
    name: proxyName(i),
    networking: {
      address: addressOf(i),
      inbound: [{ port: 8080, servicePort: 8081, tags: tagsOf(serviceName(own), own, i) }],
      outbound: [COMMON, ...calls].map((service, k) => ({
        port: 30_000 + k,
        tags: { 'kuma.io/service': service },
      })),
    },
  };
}

/** A proxy that nobody runs: the endpoint of a service; every `version` is another address. */
export function endpointOf(service: string, version: number): object {
  return {
    type: 'Dataplane',
    mesh: MESH,
    name: `${service}-1`,
    networking: {
      address: `10.200.${Math.floor(version / 250)}.${1 + (version % 250)}`,
      inbound: [{ port: 8080, servicePort: 8081, tags: tagsOf(service, 0, 1) }],
    },
  };
}

/** Splits calls to `common` by version; `percent` goes to v1. */
export function routeOf(percent: number): object {
  const to = (version: string, weight: number) => ({
    weight,
    destination: { 'kuma.io/service': COMMON, version },
  });
  return {
    type: 'TrafficRoute',
    mesh: MESH,
    name: 'split',
    sources: [{ match: { 'kuma.io/service': '*' } }],
    destinations: [{ match: { 'kuma.io/service': COMMON } }],
    conf: { split: [to('v1', percent), to('v2', 100 - percent)] },
  };
}

/** Stores the mesh through the REST API, before any proxy connects. */
export async function storeMesh(cp: BenchControlPlane, count: number): Promise<void> {
  for (const service of [COMMON, RARE]) {
    await cp.put(`/meshes/${MESH}/dataplanes/${service}-1`, endpointOf(service, 0));
  }
  for (let i = 0; i < count; i++) {
    await cp.put(`/meshes/${MESH}/dataplanes/${proxyName(i)}`, dataplane(i, count));
  }
}

/** Proxies as Envoy is one: delta xDS over TLS, with the node of the bootstrap (asked for once, it is the same for all). */
export async function connectFleet(cp: BenchControlPlane, count: number): Promise<Fleet> {
  const metadata = await bootstrapMetadata(cp);
  return startFleet({
    count,
    target: { port: cp.dpPort, ca: cp.caPem },
    mode: 'delta',
    nodeId: (i) => `${MESH}.${proxyName(i)}`,
    metadata: () => metadata,
    // As the bootstrap tells Envoy.
    pingMs: 10_000,
  });
}

async function bootstrapMetadata(cp: BenchControlPlane): Promise<Record<string, unknown>> {
  const body = JSON.stringify({
    mesh: MESH,
    name: proxyName(0),
    proxyType: 'dataplane',
    readinessPort: 9902,
    version: { kumaDp: { version: '2.14.0' }, envoy: { version: '1.40.0', kumaDpCompatible: true } },
    features: ['feature-delta-grpc'],
  });
  const answer = await call(cp.dpPort, '/bootstrap', { method: 'POST', body, ca: cp.caPem });
  if (answer.status !== 200) throw new Error(`bootstrap was answered ${answer.status}: ${answer.body}`);
  return (parseYaml(answer.body) as { node: { metadata: Record<string, unknown> } }).node.metadata;
}

function serviceName(k: number): string {
  return `service-${k}`;
}

function addressOf(i: number): string {
  return `10.0.${Math.floor(i / 250)}.${1 + (i % 250)}`;
}

function tagsOf(service: string, k: number, i: number): Record<string, string> {
  return {
    'kuma.io/service': service,
    'kuma.io/protocol': k % 2 === 0 ? 'http' : 'tcp',
    version: `v${1 + (i % 2)}`,
    region: `region-${i % 3}`,
  };
}
