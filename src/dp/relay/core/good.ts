import { ENDPOINT, SECRET } from '../../../envoy/type-urls.ts';
import type { Cache } from './cache.ts';
import type { Peer } from './peer.ts';
import { isComplete, type Resource, versionOfSet } from './resource.ts';
import type { RelaySnapshot, ResourcesByType, TypeSnapshot } from './snapshot.ts';
import { UNKNOWN_VIEW, type View, viewOf } from './view.ts';

/** Configuration that an Envoy serves or served with. */
export interface Good {
  resources(typeUrl: string): ReadonlyMap<string, Resource> | undefined;
  readonly typeUrls: Iterable<string>;
  /** Nothing of it is known by its version alone. */
  readonly known: boolean;
  /** That Envoy refused this content. */
  isRefused(typeUrl: string, resource: Resource): boolean;
}

/** What a serving Envoy accepts, as it goes on. It outlives the stream. */
export function goodOfPeer({ types }: Peer): Good {
  return {
    resources: (typeUrl) => types.get(typeUrl)?.sent.accepted,
    isRefused(typeUrl, { name, version }) {
      const told = types.get(typeUrl)?.sent.told.get(name);
      return told?.reaction === 'refused' && told.version === version;
    },
    get typeUrls() {
      return types.keys();
    },
    get known() {
      return [...types.values()].every(({ sent }) => sent.known);
    },
  };
}

export function goodOfResources(byType: ResourcesByType): Good {
  return {
    resources: (typeUrl) => byType.get(typeUrl),
    typeUrls: byType.keys(),
    known: true,
    isRefused: () => false,
  };
}

export function viewOfGood(good: Good, typeUrl: string): View {
  const map = good.resources(typeUrl);
  return map === undefined ? UNKNOWN_VIEW : viewOf(map, isComplete(typeUrl));
}

/** Endpoints and certificates age quickly and break nothing: of them a starting Envoy gets the newest at once. */
export function prefersNewest(typeUrl: string): boolean {
  return typeUrl === ENDPOINT || typeUrl === SECRET;
}

export function toSnapshot(
  good: Good,
  cache: Cache,
  parts: { readonly node: Uint8Array | undefined; setVersion(typeUrl: string): string },
): RelaySnapshot {
  const types = [...good.typeUrls].map((typeUrl): TypeSnapshot => {
    const resources = [...(good.resources(typeUrl)?.values() ?? [])];
    const known = cache.of(typeUrl);
    return {
      typeUrl,
      version: versionOfSet(resources),
      upstreamSetVersion: parts.setVersion(typeUrl),
      complete: isComplete(typeUrl),
      resources: resources.map((resource) => ({
        ...resource,
        upstreamVersion:
          known.resources.get(resource.name)?.version === resource.version
            ? (known.upstreamVersions.get(resource.name) ?? '')
            : '',
      })),
    };
  });
  return { node: parts.node, types };
}
