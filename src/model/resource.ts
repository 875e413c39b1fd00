import type { JsonObject } from '../lib/json.ts';
import type { Violation } from '../lib/violations.ts';

export type Scope = 'global' | 'mesh';

/** What names a resource. `mesh` is '' for types of global scope. */
export interface ResourceKey {
  readonly type: string;
  readonly mesh: string;
  readonly name: string;
}

export type Labels = Readonly<Record<string, string>>;

/** A resource as it lives inside: envelope plus a parsed, frozen spec of today's (2.14) shape. */
export interface Resource<Spec = unknown> {
  readonly key: ResourceKey;
  readonly labels: Labels;
  /** RFC 3339 in UTC. */
  readonly creationTime: string;
  readonly modificationTime: string;
  /** Revision of the whole store at which this resource was last written; 0 for one not stored yet. */
  readonly revision: number;
  readonly spec: Spec;
}

/** Outcome of reading one document: the spec when `violations` is empty, warnings in any case. */
export interface Parsed<Spec> {
  readonly spec: Spec | undefined;
  readonly violations: readonly Violation[];
  /** Whole sentences for the person who applies, e.g. an unknown field that was dropped. */
  readonly warnings: readonly string[];
}

/** A document moved from the 0.1 dialect to today's shape. `body` still is unparsed JSON. */
export interface Translated {
  readonly body: JsonObject;
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
  /** Paths of `body` that the violations explain already: what parsing says of them is not reported again. */
  readonly covered: readonly string[];
  /** Where parts of `body` stood as the author wrote them, longest path first; messages name these paths. */
  readonly moved: readonly MovedPath[];
}

export interface MovedPath {
  readonly now: string;
  readonly was: string;
}

/**
 * All that the programs know of a type; `registry.ts` is the table of them. Adding a type adds one entry
 * and touches no switch.
 */
export interface ResourceType<Spec = unknown> {
  /** `Dataplane` */
  readonly name: string;
  readonly scope: Scope;
  /** Path element of the REST API: `dataplanes`. */
  readonly plural: string;
  /** kumactl's word for one and further words it accepts: `dataplane`, [`dp`]. */
  readonly singular: string;
  readonly aliases: readonly string[];
  /** Short name inside a KRI: `dp`. */
  readonly shortName: string;
  /** Written by the control plane only: PUT and DELETE answer 405. */
  readonly readOnly: boolean;
  /** `inline`: spec fields stand beside `type` and `name`; `spec`: under `spec`. */
  readonly shape: 'inline' | 'spec';
  /** 2.14 singular and plural for people, e.g. `Traffic Route`, `Traffic Routes`; policies only. */
  readonly display?: { readonly singular: string; readonly plural: string };
  readonly isPolicy: boolean;
  /** Longest name, 253 when absent. */
  readonly maxNameLength?: number;
  /** Moves an old-dialect body to today's shape; absent for types 0.1 did not have. A modern body comes back as it is. */
  readonly translate?: (body: JsonObject) => Translated;
  /** Reads the spec fields of a body in today's shape (envelope fields already taken out). */
  readonly parse: (fields: JsonObject) => Parsed<Spec>;
  /** The spec as the REST API shows it; defaults and empties omitted as protobuf JSON does. */
  toJson(spec: Spec): JsonObject;
}

export function keyText(key: ResourceKey): string {
  return `${key.type}/${key.mesh}/${key.name}`;
}
