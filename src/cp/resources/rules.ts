import type { Violation } from '../../lib/violations.ts';
import type { Labels, Resource, ResourceKey, ResourceType } from '../../model/resource.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import { ZONE_TAG } from '../../model/tags.ts';
import type { ListQuery } from '../store/store.ts';

/** Reading side of the store, as rules and advice get it. */
export interface ResourceReader {
  get(key: ResourceKey): Promise<Resource | undefined>;
  list(query: ListQuery): Promise<readonly Resource[]>;
}

export interface Completed {
  readonly spec: unknown;
  /** Labels the control plane sets; they win over the document's. */
  readonly labels: Labels;
  readonly warnings: readonly string[];
}

/** What the control plane does with one type beyond parsing it. Types without an entry in `RULES` need nothing. */
interface TypeRules {
  readonly complete?: (spec: unknown, zone: string) => Completed;
  /** Reasons why this one cannot be deleted now. */
  readonly holdsBack?: (key: ResourceKey, reader: ResourceReader) => Promise<readonly Violation[]>;
}

const RULES: Readonly<Record<string, TypeRules>> = {
  Mesh: { holdsBack: meshHoldsDataplanes },
  Dataplane: { complete: completeDataplane },
};

/** The spec as it is stored and the labels 2.14 adds to it. */
export function complete(
  type: ResourceType,
  document: { key: ResourceKey; spec: unknown },
  zone: string,
): Completed {
  const own = RULES[type.name]?.complete?.(document.spec, zone);
  return {
    spec: own?.spec ?? document.spec,
    labels: { ...commonLabels(type, document.key.mesh, zone), ...own?.labels },
    warnings: own?.warnings ?? [],
  };
}

export async function reasonsAgainstDelete(
  key: ResourceKey,
  reader: ResourceReader,
): Promise<readonly Violation[]> {
  return (await RULES[key.type]?.holdsBack?.(key, reader)) ?? [];
}

/** Types a zone may create say where they come from; the older policies and what the control plane writes do not. */
function commonLabels(type: ResourceType, mesh: string, zone: string): Labels {
  if (type.scope === 'global' || type.readOnly) return {};
  const ofMesh = { 'kuma.io/mesh': mesh };
  if (type.isPolicy && type.shape === 'inline') return ofMesh;
  return { 'kuma.io/env': 'universal', ...ofMesh, 'kuma.io/origin': 'zone', 'kuma.io/zone': zone };
}

/** Every inbound and gateway carries the zone it runs in. Delegated gateways count as sidecars, as in 2.14. */
function completeDataplane(unknownSpec: unknown, zone: string): Completed {
  const spec = unknownSpec as DataplaneSpec;
  const { inbound, gateway } = spec.networking;
  const withZone = <T extends { readonly tags: Labels }>(part: T): T => ({
    ...part,
    tags: { ...part.tags, [ZONE_TAG]: zone },
  });
  const warnings = [
    ...(inbound ?? []).map(({ tags }, i) => ({ tags, field: `networking.inbound[${i}]` })),
    ...(gateway === undefined ? [] : [{ tags: gateway.tags, field: 'networking.gateway' }]),
  ]
    .filter(({ tags }) => (tags[ZONE_TAG] ?? zone) !== zone)
    .map(
      ({ tags, field }) =>
        `${field}.tags["${ZONE_TAG}"]: "${tags[ZONE_TAG]}" was replaced by "${zone}", the zone of this control plane`,
    );
  const networking = {
    ...spec.networking,
    ...(inbound === undefined ? {} : { inbound: inbound.map(withZone) }),
    ...(gateway === undefined ? {} : { gateway: withZone(gateway) }),
  };
  const proxyType = gateway?.type === 'BUILTIN' ? 'gateway' : 'sidecar';
  return { spec: { ...spec, networking }, labels: { 'kuma.io/proxy-type': proxyType }, warnings };
}

async function meshHoldsDataplanes(key: ResourceKey, reader: ResourceReader): Promise<readonly Violation[]> {
  const dataplanes = await reader.list({ type: 'Dataplane', mesh: key.name });
  if (dataplanes.length === 0) return [];
  return [{ field: 'mesh', message: 'unable to delete mesh, there are still some dataplanes attached' }];
}
