import { create } from '@bufbuild/protobuf';
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from '../proto/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ApiVersion } from '../proto/gen/envoy/config/core/v3/config_source_pb.js';
import { HttpProtocolOptionsSchema } from '../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { packAny } from './any.ts';
import { duration } from './duration.ts';
import { loadAssignment } from './endpoint.ts';
import { type LoadBalancer, loadBalancerFields } from './load-balancer.ts';

/** What a cluster speaks to its endpoints; `undefined` is plain TCP. */
export type UpstreamHttp = 'http1' | 'http2' | undefined;

export interface ClusterParams {
  readonly name: string;
  readonly connectTimeoutMs: number;
  /** A connection without a request for so long is closed; HTTP only. */
  readonly idleTimeoutMs: number;
  readonly http: UpstreamHttp;
}

/** A cluster whose endpoints come over the same stream. */
export function edsCluster(params: ClusterParams & { readonly loadBalancer: LoadBalancer }): Cluster {
  return create(ClusterSchema, {
    ...common(params),
    ...loadBalancerFields(params.loadBalancer),
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: {
      edsConfig: {
        resourceApiVersion: ApiVersion.V3,
        configSourceSpecifier: { case: 'ads', value: {} },
      },
    },
    // By default Envoy spreads traffic over all hosts, dead ones too, once half are unhealthy.
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    // An endpoint that left is gone at once, whatever a health check last said of it.
    ignoreHealthOnHostRemoval: true,
  });
}

/** A cluster with one fixed address: the application beside the proxy. */
export function staticCluster(
  params: ClusterParams & { readonly address: string; readonly port: number },
): Cluster {
  const { name, address, port } = params;
  return create(ClusterSchema, {
    ...common(params),
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: { ...loadAssignment(name, [{ address, port }]), policy: undefined },
  });
}

function common({ name, connectTimeoutMs, idleTimeoutMs, http }: ClusterParams) {
  return {
    name,
    connectTimeout: duration(connectTimeoutMs),
    ...(http === undefined
      ? {}
      : {
          typedExtensionProtocolOptions: {
            [HttpProtocolOptionsSchema.typeName]: httpOptions(http, idleTimeoutMs),
          },
        }),
  };
}

function httpOptions(http: 'http1' | 'http2', idleTimeoutMs: number) {
  return packAny(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: { idleTimeout: duration(idleTimeoutMs) },
    upstreamProtocolOptions: {
      case: 'explicitHttpConfig',
      value: {
        protocolConfig:
          http === 'http2'
            ? { case: 'http2ProtocolOptions', value: {} }
            : { case: 'httpProtocolOptions', value: {} },
      },
    },
  });
}
