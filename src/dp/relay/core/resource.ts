import { createHash } from 'node:crypto';
import { CLUSTER, LISTENER } from '../../../envoy/type-urls.ts';
import { messageOf } from '../codec/any.ts';
import type { DeltaResource } from '../codec/delta.ts';
import { isBytes, readFields, toText, WireError } from '../codec/wire.ts';

/** What the relay passes on: bytes under a name. Shared by everything that holds or has sent it. */
export interface Resource {
  readonly name: string;
  /** 32 hex digits of the SHA-256 of what is passed on: equal in all agents for equal bytes. */
  readonly version: string;
  /** Encoded `google.protobuf.Any`; undefined for a resource without content. */
  readonly any: Uint8Array | undefined;
  /** What else the control plane said about it (time to live, aliases), encoded. */
  readonly rest: Uint8Array;
}

export type ResourceMap = ReadonlyMap<string, Resource>;

/** Copies the bytes out of the message they came in, which may be much larger and short-lived. */
export function toResource({ name, any, rest }: DeltaResource): Resource {
  const hash = createHash('sha256')
    .update(any ?? '')
    .update(rest);
  return {
    name,
    version: hash.digest('hex').slice(0, 32),
    any: any === undefined ? undefined : Uint8Array.from(any),
    rest: Uint8Array.from(rest),
  };
}

/** One version for a whole set, whatever its order; never ''. */
export function versionOfSet(resources: Iterable<Resource>): string {
  const lines = [...resources].map(({ name, version }) => `${name}\0${version}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 32);
}

/** SotW responses of these types are complete: what is absent is removed (xDS protocol, "Deleting Resources"). */
export function isComplete(typeUrl: string): boolean {
  return typeUrl === CLUSTER || typeUrl === LISTENER;
}

const CLUSTER_EDS_CONFIG = 3;
const EDS_SERVICE_NAME = 2;
const assignments = new WeakMap<Resource, string>();

/**
 * The name of the ClusterLoadAssignment a cluster may wait for. The only look into a resource besides its name: Envoy
 * keeps a changed cluster warming for 15 s when its assignment does not follow.
 */
export function assignmentOf(cluster: Resource): string {
  let name = assignments.get(cluster);
  if (name === undefined) {
    name = readAssignmentName(cluster);
    assignments.set(cluster, name);
  }
  return name;
}

function readAssignmentName({ name, any }: Resource): string {
  try {
    for (const field of readFields(any === undefined ? new Uint8Array(0) : messageOf(any))) {
      if (field.number !== CLUSTER_EDS_CONFIG || !isBytes(field)) continue;
      for (const inner of readFields(field.bytes)) {
        if (inner.number === EDS_SERVICE_NAME && isBytes(inner)) return toText(inner.bytes) || name;
      }
    }
  } catch (error) {
    // Envoy says what is wrong with such a cluster.
    if (!(error instanceof WireError)) throw error;
  }
  return name;
}
