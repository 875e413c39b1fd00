import { create } from '@bufbuild/protobuf';
import { HealthStatus } from '../proto/gen/envoy/config/core/v3/health_check_pb.js';
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from '../proto/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { tcpAddress } from './address.ts';

export interface LbEndpointParams {
  readonly address: string;
  readonly port: number;
  readonly degraded?: boolean;
}

/**
 * In hundredths. Envoy sends traffic to degraded hosts once (healthy share × factor) falls below one; with this one
 * healthy host of ten thousand still takes all, and degraded hosts are tried only when nothing else is left.
 */
const OVERPROVISIONING = 1_000_000;

/** Without endpoints the cluster is known and empty: connections are closed, HTTP is answered 503. */
export function loadAssignment(
  cluster: string,
  endpoints: readonly LbEndpointParams[],
): ClusterLoadAssignment {
  const lbEndpoints = endpoints.map(({ address, port, degraded }) => ({
    healthStatus: degraded === true ? HealthStatus.DEGRADED : HealthStatus.UNKNOWN,
    hostIdentifier: { case: 'endpoint' as const, value: { address: tcpAddress(address, port) } },
  }));
  return create(ClusterLoadAssignmentSchema, {
    clusterName: cluster,
    endpoints: lbEndpoints.length === 0 ? [] : [{ lbEndpoints }],
    policy: { overprovisioningFactor: OVERPROVISIONING },
  });
}
