import type { Resource } from '../../model/resource.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import type { TrafficRouteSpec } from '../../model/resources/traffic-route-spec.ts';
import type { Tags } from '../../model/tags.ts';
import type { Store } from '../store/store.ts';
import { DataplanesByAddress, isHostLocal } from './dataplanes-by-address.ts';
import type { ResourceReader } from './rules.ts';

/**
 * Warnings that need a look at other resources. They come back with a successful PUT and never prevent it: what
 * a document refers to may well be applied a moment later.
 */
export type Advise = (resource: Resource, reader: ResourceReader) => Promise<readonly string[]>;

export function createAdvise(store: Pick<Store, 'list' | 'subscribe'>): Advise {
  const dataplanes = new DataplanesByAddress(store);
  const advisers: Readonly<Record<string, Advise>> = {
    Dataplane: async (resource) => adviseDataplane(resource, await dataplanes.neighboursOf(resource)),
    TrafficRoute: adviseTrafficRoute,
  };
  return async (resource, reader) => (await advisers[resource.key.type]?.(resource, reader)) ?? [];
}

/** One address and port a proxy wants to listen on. */
interface Claim {
  readonly field: string;
  readonly address: string;
  readonly port: number;
}

function adviseDataplane(resource: Resource, neighbours: readonly Resource[]): readonly string[] {
  const own = claimsOf(resource.spec as DataplaneSpec);
  const warnings = own.flatMap((claim, i) => {
    const earlier = own.slice(0, i).find((other) => isSame(claim, other));
    return earlier === undefined
      ? []
      : [`${claim.field}: ${describe(claim)} is already taken by ${earlier.field} of the same Dataplane`];
  });
  return [...warnings, ...neighbours.flatMap((other) => clashes(resource, other, own))];
}

/** Two proxies can only meet on an address of one host: a loopback address is one per host, any other is unique. */
function clashes(resource: Resource, other: Resource, own: readonly Claim[]): string[] {
  const host = (resource.spec as DataplaneSpec).networking.address;
  const otherHost = (other.spec as DataplaneSpec).networking.address;
  const theirs = claimsOf(other.spec as DataplaneSpec);
  return own.flatMap((claim) => {
    if (isHostLocal(claim.address) && host !== otherHost) return [];
    const taken = theirs.find((their) => isSame(claim, their));
    if (taken === undefined) return [];
    const owner = `Dataplane "${other.key.name}" of mesh "${other.key.mesh}"`;
    return [
      `${claim.field}: ${describe(claim)} is also claimed by ${owner} (${taken.field}); only one of the two can listen there`,
    ];
  });
}

function claimsOf({ networking }: DataplaneSpec): readonly Claim[] {
  const inbound = (networking.inbound ?? []).map(({ address, port }, i) => ({
    field: `networking.inbound[${i}]`,
    address: address ?? networking.address,
    port,
  }));
  const outbound = (networking.outbound ?? []).map(({ address, port }, i) => ({
    field: `networking.outbound[${i}]`,
    address: address ?? '127.0.0.1',
    port,
  }));
  return [...inbound, ...outbound];
}

function isSame(a: Claim, b: Claim): boolean {
  return a.port === b.port && a.address === b.address;
}

function describe({ address, port }: Claim): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

interface Destination {
  readonly field: string;
  readonly tags: Tags;
}

async function adviseTrafficRoute(resource: Resource, reader: ResourceReader): Promise<readonly string[]> {
  const dataplanes = await reader.list({ type: 'Dataplane', mesh: resource.key.mesh });
  const endpoints = dataplanes.flatMap(({ spec }) => tagsOf(spec as DataplaneSpec));
  return destinationsOf(resource.spec as TrafficRouteSpec)
    .filter(({ tags }) => !endpoints.some((endpoint) => matches(tags, endpoint)))
    .map(({ field, tags }) => `${field}: no data plane proxy has ${describeTags(tags)}`);
}

function destinationsOf({ conf }: TrafficRouteSpec): readonly Destination[] {
  const parts = [
    { at: 'conf', split: conf.split, destination: conf.destination },
    ...(conf.http ?? []).map(({ split, destination }, i) => ({ at: `conf.http[${i}]`, split, destination })),
  ];
  return parts.flatMap(({ at, split, destination }) => [
    ...(destination === undefined ? [] : [{ field: `${at}.destination`, tags: destination }]),
    ...(split ?? []).map((part, i) => ({ field: `${at}.split[${i}].destination`, tags: part.destination })),
  ]);
}

function tagsOf({ networking }: DataplaneSpec): readonly Tags[] {
  const inbound = (networking.inbound ?? []).map(({ tags }) => tags);
  return networking.gateway === undefined ? inbound : [...inbound, networking.gateway.tags];
}

function matches(wanted: Tags, tags: Tags): boolean {
  return Object.entries(wanted).every(([key, value]) =>
    value === '*' ? tags[key] !== undefined : tags[key] === value,
  );
}

function describeTags(tags: Tags): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}
