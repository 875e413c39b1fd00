import { create } from '@bufbuild/protobuf';
import { type Filter, FilterSchema } from '../proto/gen/envoy/config/listener/v3/listener_components_pb.js';
import { TcpProxySchema } from '../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { packAny } from './any.ts';
import { duration } from './duration.ts';
import type { WeightedCluster } from './weighted-cluster.ts';

export interface TcpProxyParams {
  readonly statPrefix: string;
  /** At least one, weights above zero. Each connection picks one. */
  readonly clusters: readonly WeightedCluster[];
  /** A connection without a byte in either direction for so long is closed. */
  readonly idleTimeoutMs: number;
}

export function tcpProxyFilter({ statPrefix, clusters, idleTimeoutMs }: TcpProxyParams): Filter {
  const [only] = clusters;
  return create(FilterSchema, {
    name: 'envoy.filters.network.tcp_proxy',
    configType: {
      case: 'typedConfig',
      value: packAny(TcpProxySchema, {
        statPrefix,
        idleTimeout: duration(idleTimeoutMs),
        clusterSpecifier:
          clusters.length === 1 && only !== undefined
            ? { case: 'cluster', value: only.name }
            : { case: 'weightedClusters', value: { clusters: clusters.map((c) => ({ ...c })) } },
      }),
    },
  });
}
