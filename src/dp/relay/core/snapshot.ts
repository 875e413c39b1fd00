import type { Resource } from './resource.ts';

/** Everything of one type that an Envoy accepted, and what is needed to claim it from the control plane. */
export interface TypeSnapshot {
  readonly typeUrl: string;
  /** Content hash over the set. */
  readonly version: string;
  /** SotW version of the control plane for exactly this set, '' when unknown. */
  readonly upstreamSetVersion: string;
  /** The whole set of a wildcard. */
  readonly complete: boolean;
  readonly resources: readonly SnapshotResource[];
}

export interface SnapshotResource extends Resource {
  /** The control plane's version of exactly this content; '' when unknown. */
  readonly upstreamVersion: string;
}

/** A generation of configuration that the serving Envoy accepted. */
export interface RelaySnapshot {
  /** Encoded `envoy.config.core.v3.Node` the configuration was made for. */
  readonly node: Uint8Array | undefined;
  readonly types: readonly TypeSnapshot[];
}

/** Maps by type and name, as the relay looks things up. */
export type ResourcesByType = ReadonlyMap<string, ReadonlyMap<string, Resource>>;

export function toResourcesByType({ types }: RelaySnapshot): ResourcesByType {
  return new Map(
    types.map(({ typeUrl, resources }) => [
      typeUrl,
      new Map(resources.map((resource) => [resource.name, resource])),
    ]),
  );
}
