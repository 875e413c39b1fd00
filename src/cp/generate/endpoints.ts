import { isIP } from 'node:net';
import { type LbEndpointParams, loadAssignment } from '../../envoy/endpoint.ts';
import { SERVICE_TAG, type Tags } from '../../model/tags.ts';
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { XdsResource } from '../../xds/resource.ts';
import type { Endpoint, MeshSnapshot } from '../mesh/snapshot.ts';
import { encode } from './encode.ts';
import { memoiseByValue } from './memo.ts';

/** A cluster of a service or of the subset of it that has all the tags. */
export interface Destination {
  readonly cluster: string;
  readonly service: string;
  /** The service tag among them. */
  readonly tags: Tags;
}

/** Encoded once per list of endpoints and cluster, for all proxies that use it. */
const assignments = new WeakMap<readonly Endpoint[], Map<string, XdsResource>>();

/** The destination's ClusterLoadAssignment; an empty one when no endpoint fits. */
export function assignmentOf(snapshot: MeshSnapshot, { cluster, service, tags }: Destination): XdsResource {
  const endpoints = snapshot.services.get(service)?.endpoints;
  if (endpoints === undefined || endpoints.length === 0) return emptyAssignment(cluster);
  let byCluster = assignments.get(endpoints);
  if (byCluster === undefined) {
    byCluster = new Map();
    assignments.set(endpoints, byCluster);
  }
  let found = byCluster.get(cluster);
  if (found === undefined) {
    found = encodeAssignment(cluster, toLbEndpoints(endpoints, tags));
    byCluster.set(cluster, found);
  }
  return found;
}

const emptyAssignment = memoiseByValue((cluster: string) => encodeAssignment(cluster, []));

function encodeAssignment(cluster: string, endpoints: readonly LbEndpointParams[]): XdsResource {
  return encode(ClusterLoadAssignmentSchema, cluster, loadAssignment(cluster, endpoints));
}

/**
 * Envoy refuses a whole assignment for one DNS name in it, so names are left out (their own proxy is told). Of two
 * proxies that claim one address the healthier counts: Envoy would take the first.
 */
function toLbEndpoints(endpoints: readonly Endpoint[], tags: Tags): readonly LbEndpointParams[] {
  const wanted = Object.entries(tags).filter(([key]) => key !== SERVICE_TAG);
  const byAddress = new Map<string, LbEndpointParams>();
  for (const { address, port, health, tags: has } of endpoints) {
    if (isIP(address) === 0 || !wanted.every(([key, value]) => carries(has, key, value))) continue;
    const key = `${address}|${port}`;
    const degraded = health === 'degraded' && byAddress.get(key)?.degraded !== false;
    byAddress.set(key, { address, port, degraded });
  }
  return [...byAddress.values()];
}

function carries(tags: Tags, key: string, value: string): boolean {
  return value === '*' ? tags[key] !== undefined : tags[key] === value;
}
