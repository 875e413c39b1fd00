import { isIP } from 'node:net';
import { staticCluster, type UpstreamHttp } from '../../envoy/cluster.ts';
import { httpConnectionManagerFilter } from '../../envoy/http-connection-manager.ts';
import { listener } from '../../envoy/listener.ts';
import { inboundListener, inboundRoute, localCluster, statPrefix } from '../../envoy/names.ts';
import { routeConfiguration } from '../../envoy/route.ts';
import { tcpProxyFilter } from '../../envoy/tcp-proxy.ts';
import type { Inbound, Protocol } from '../../model/resources/dataplane-spec.ts';
import { SERVICE_TAG } from '../../model/tags.ts';
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../../proto/gen/envoy/config/listener/v3/listener_pb.js';
import type { XdsResource } from '../../xds/resource.ts';
import { inboundAddress, protocolOf } from '../mesh/service-members.ts';
import type { DataplaneView } from '../mesh/snapshot.ts';
import { INBOUND } from './defaults.ts';
import { encode } from './encode.ts';
import { memoiseByValue } from './memo.ts';
import { isHttp, upstreamHttp } from './protocol.ts';

export interface InboundPart {
  readonly clusters: readonly XdsResource[];
  readonly listeners: readonly XdsResource[];
  /** `address:port` pairs that are taken. */
  readonly bound: ReadonlySet<string>;
  readonly problems: readonly string[];
}

const parts = new WeakMap<DataplaneView, InboundPart>();

/** A listener on exactly the inbound's address, and the application behind it; made once for a dataplane. */
export function generateInbounds(dataplane: DataplaneView): InboundPart {
  let part = parts.get(dataplane);
  if (part === undefined) {
    part = makeInbounds(dataplane);
    parts.set(dataplane, part);
  }
  return part;
}

function makeInbounds({ spec }: DataplaneView): InboundPart {
  const clusters = new Map<string, { readonly target: string; readonly resource: XdsResource }>();
  const listeners = new Map<string, XdsResource>();
  const problems: string[] = [];
  for (const [index, inbound] of (spec.networking.inbound ?? []).entries()) {
    if (inbound.state === 'Ignored') continue;
    const where = `networking.inbound[${index}]`;
    const address = inboundAddress(spec, inbound);
    const bind = `${address}:${inbound.port}`;
    if (isIP(address) === 0) {
      problems.push(`${where}: no listener, ${address} is not an IP address`);
      continue;
    }
    if (listeners.has(bind)) {
      problems.push(`${where}: no listener, ${bind} is taken by an inbound above it`);
      continue;
    }
    const { cluster, protocol } = localTarget(inbound, clusters);
    const service = inbound.tags[SERVICE_TAG] ?? '';
    listeners.set(bind, inboundListenerResource({ address, port: inbound.port, cluster, protocol, service }));
  }
  const advertised = spec.networking.advertisedAddress;
  if (advertised !== undefined && isIP(advertised) === 0) {
    problems.push(
      `networking.advertisedAddress: ${advertised} is not an IP address, no other proxy can reach this one`,
    );
  }
  return {
    clusters: [...clusters.values()].map((c) => c.resource),
    listeners: [...listeners.values()],
    bound: new Set(listeners.keys()),
    problems,
  };
}

/**
 * Agents and dashboards know the application's cluster as `localhost:PORT`, whatever its address. Only if one proxy has
 * two applications on one port number, or one spoken to in two ways, the second is told apart by a suffix.
 */
function localTarget(
  inbound: Inbound,
  clusters: Map<string, { readonly target: string; readonly resource: XdsResource }>,
): { readonly cluster: string; readonly protocol: Protocol } {
  const protocol = protocolOf(inbound);
  const port = inbound.servicePort ?? inbound.port;
  const address = inbound.serviceAddress ?? '127.0.0.1';
  const http = upstreamHttp(protocol);
  const target = JSON.stringify([address, http]);
  let cluster = localCluster(port);
  for (let n = 2; (clusters.get(cluster)?.target ?? target) !== target; n++)
    cluster = `${localCluster(port)}:${n}`;
  if (!clusters.has(cluster)) {
    clusters.set(cluster, { target, resource: localClusterResource({ name: cluster, address, port, http }) });
  }
  return { cluster, protocol };
}

interface LocalClusterParams {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly http: UpstreamHttp;
}

const localClusterResource = memoiseByValue((params: LocalClusterParams) =>
  encode(ClusterSchema, params.name, staticCluster({ ...params, ...INBOUND })),
);

interface InboundListenerParams {
  readonly address: string;
  readonly port: number;
  readonly cluster: string;
  readonly protocol: Protocol;
  readonly service: string;
}

const inboundListenerResource = memoiseByValue((params: InboundListenerParams) => {
  const { address, port, cluster, protocol, service } = params;
  const name = inboundListener(address, port);
  const clusters = [{ name: cluster, weight: 1 }];
  const common = { statPrefix: statPrefix(cluster), ...INBOUND };
  const filter = isHttp(protocol)
    ? httpConnectionManagerFilter({
        ...common,
        // In place: this route changes only together with its listener.
        routes: routeConfiguration(inboundRoute(service), [{ match: {}, clusters }]),
        defaultHost: service,
      })
    : tcpProxyFilter({ ...common, clusters });
  return encode(
    ListenerSchema,
    name,
    listener({ name, address, port, direction: 'inbound', filters: [filter] }),
  );
});
