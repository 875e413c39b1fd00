import { httpConnectionManagerFilter } from '../../envoy/http-connection-manager.ts';
import { listener } from '../../envoy/listener.ts';
import { outboundListener, outboundRoute, statPrefix } from '../../envoy/names.ts';
import { type HttpRouteParams, routeConfiguration } from '../../envoy/route.ts';
import { tcpProxyFilter } from '../../envoy/tcp-proxy.ts';
import type { WeightedCluster } from '../../envoy/weighted-cluster.ts';
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../proto/gen/envoy/config/route/v3/route_pb.js';
import { OUTBOUND } from './defaults.ts';
import { encode } from './encode.ts';
import { memoiseByValue } from './memo.ts';

export interface OutboundListenerParams {
  readonly address: string;
  readonly port: number;
  /** Cluster name of what the outbound asks for; routes may lead elsewhere. */
  readonly destination: string;
  readonly service: string;
  /** Where TCP goes; empty for HTTP, whose route configuration comes apart. */
  readonly clusters: readonly WeightedCluster[];
}

export const outboundListenerResource = memoiseByValue((params: OutboundListenerParams) => {
  const { address, port, destination, service, clusters } = params;
  const name = outboundListener(address, port);
  const common = { statPrefix: statPrefix(destination), ...OUTBOUND };
  const filter =
    clusters.length === 0
      ? // By name: a changed route reaches the listener without closing a connection.
        httpConnectionManagerFilter({ ...common, routes: outboundRoute(destination), defaultHost: service })
      : tcpProxyFilter({ ...common, clusters });
  return encode(
    ListenerSchema,
    name,
    listener({ name, address, port, direction: 'outbound', filters: [filter] }),
  );
});

export interface OutboundRouteParams {
  readonly destination: string;
  readonly routes: readonly HttpRouteParams[];
}

export const outboundRouteResource = memoiseByValue(({ destination, routes }: OutboundRouteParams) => {
  const name = outboundRoute(destination);
  return encode(RouteConfigurationSchema, name, routeConfiguration(name, routes));
});
