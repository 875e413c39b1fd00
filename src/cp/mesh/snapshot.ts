import type { Labels, Resource } from '../../model/resource.ts';
import type { DataplaneSpec, Protocol } from '../../model/resources/dataplane-spec.ts';
import type { MeshSpec } from '../../model/resources/mesh-spec.ts';
import type { Tags } from '../../model/tags.ts';

/**
 * One mesh at one moment. Immutable, made from the one before by structural sharing: what a change does not
 * touch keeps its object identity, and generation is memoised by that identity.
 */
export interface MeshSnapshot {
  readonly name: string;
  /** Store revision it reflects. */
  readonly revision: number;
  readonly mesh: Resource<MeshSpec>;
  readonly dataplanes: ReadonlyMap<string, DataplaneView>;
  /**
   * By value of `kuma.io/service`. A service stays while any proxy declares it, without endpoints if none serves, so
   * that its protocol outlives a restart of its only instance.
   */
  readonly services: ReadonlyMap<string, ServiceView>;
  /** Policies by type name, each list sorted by name; a list keeps its identity while none of its type changes. */
  readonly policies: ReadonlyMap<string, readonly Resource[]>;
}

export interface DataplaneView {
  readonly name: string;
  readonly labels: Labels;
  readonly spec: DataplaneSpec;
}

export interface ServiceView {
  readonly name: string;
  /** `tcp` unless every member says the same other protocol. */
  readonly protocol: Protocol;
  /** Sorted by address, then port; those that are out are not listed. */
  readonly endpoints: readonly Endpoint[];
  /** All inbounds that declare the service, by dataplane, then as written; `Ignored` ones are left out. */
  readonly members: readonly ServiceMember[];
}

export interface ServiceMember {
  readonly dataplane: string;
  readonly protocol: Protocol;
  /** Absent while the inbound is not ready or its proxy is out. */
  readonly endpoint: Endpoint | undefined;
}

export interface Endpoint {
  /** Advertised address of the inbound: an IP, or a DNS name as written. */
  readonly address: string;
  readonly port: number;
  /** Of the inbound; `kuma.io/protocol` says what `protocol` of the inbound says. */
  readonly tags: Tags;
  /** `degraded`: its stream is lost but its lease runs; peers prefer others. */
  readonly health: 'healthy' | 'degraded';
  readonly dataplane: string;
}

/** What the life cycle says of a proxy. `serving`: also one that never connected. `out`: lease over or announced leave. */
export type Liveness = 'serving' | 'degraded' | 'out';
