import { isIP } from 'node:net';
import { edsCluster, type UpstreamHttp } from '../../envoy/cluster.ts';
import type { LoadBalancer } from '../../envoy/load-balancer.ts';
import { destinationCluster } from '../../envoy/names.ts';
import type { Outbound, Protocol } from '../../model/resources/dataplane-spec.ts';
import { SERVICE_TAG, type Tags } from '../../model/tags.ts';
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.js';
import type { XdsResource } from '../../xds/resource.ts';
import type { ProxyRouting, Routing, Share } from '../mesh/routing.ts';
import type { DataplaneView, MeshSnapshot } from '../mesh/snapshot.ts';
import { OUTBOUND } from './defaults.ts';
import { encode } from './encode.ts';
import type { Destination } from './endpoints.ts';
import { memoiseByValue } from './memo.ts';
import { outboundListenerResource, outboundRouteResource } from './outbound-listener.ts';
import { isHttp, upstreamHttp } from './protocol.ts';

export interface OutboundPart {
  readonly clusters: readonly XdsResource[];
  readonly listeners: readonly XdsResource[];
  readonly routes: readonly XdsResource[];
  /** One for each cluster; their endpoints come apart, for they change most. */
  readonly destinations: readonly Destination[];
  /** Services whose protocol or endpoints decide what this proxy gets, known ones or not. */
  readonly services: ReadonlySet<string>;
  readonly problems: readonly string[];
}

export interface OutboundInput {
  readonly snapshot: MeshSnapshot;
  readonly dataplane: DataplaneView;
  readonly routing: ProxyRouting;
  /** `address:port` pairs of the inbounds. */
  readonly bound: ReadonlySet<string>;
}

/** Listeners for what the application calls, and clusters and routes for where its calls go. */
export function generateOutbounds({ snapshot, dataplane, routing, bound }: OutboundInput): OutboundPart {
  const parts = new OutboundParts(snapshot);
  const taken = new Set(bound);
  for (const [index, outbound] of (dataplane.spec.networking.outbound ?? []).entries()) {
    const where = `networking.outbound[${index}]`;
    const address = outbound.address ?? '127.0.0.1';
    const bind = `${address}:${outbound.port}`;
    const to = routing.byOutbound.get(outbound);
    if (outbound.tags === undefined || to === undefined) {
      parts.problems.push(`${where}: no listener, only destinations by ${SERVICE_TAG} are supported`);
    } else if (isIP(address) === 0) {
      parts.problems.push(`${where}: no listener, ${address} is not an IP address`);
    } else if (taken.has(bind)) {
      parts.problems.push(`${where}: no listener, ${bind} is taken by an entry before it`);
    } else {
      taken.add(bind);
      parts.add({ address, port: outbound.port, tags: outbound.tags }, to);
    }
  }
  return parts.result();
}

type TaggedOutbound = Required<Pick<Outbound, 'address' | 'port' | 'tags'>>;

/** Collects the parts of one proxy; clusters and routes that several outbounds share are made once. */
class OutboundParts {
  readonly problems: string[] = [];
  readonly #snapshot: MeshSnapshot;
  readonly #services = new Set<string>();
  readonly #destinations = new Map<string, Destination>();
  readonly #clusters = new Map<string, XdsResource>();
  readonly #listeners: XdsResource[] = [];
  readonly #routes = new Map<string, XdsResource>();

  constructor(snapshot: MeshSnapshot) {
    this.#snapshot = snapshot;
  }

  add({ address, port, tags }: TaggedOutbound, routing: Routing): void {
    const service = tags[SERVICE_TAG] ?? '';
    const destination = destinationCluster(service, tags);
    const clusters = this.#weigh(routing.shares, routing.loadBalancer);
    const http = isHttp(this.#protocolOf(service, routing));
    if (http && !this.#routes.has(destination)) {
      const rules = routing.http.map(({ match, modify, shares }) => ({
        match,
        ...(modify === undefined ? {} : { modify }),
        clusters: this.#weigh(shares, routing.loadBalancer),
      }));
      const routes = [...rules, { match: {}, clusters }];
      this.#routes.set(destination, outboundRouteResource({ destination, routes }));
    }
    this.#listeners.push(
      outboundListenerResource({ address, port, destination, service, clusters: http ? [] : clusters }),
    );
  }

  result(): OutboundPart {
    return {
      clusters: [...this.#clusters.values()],
      listeners: this.#listeners,
      routes: [...this.#routes.values()],
      destinations: [...this.#destinations.values()],
      services: this.#services,
      problems: this.problems,
    };
  }

  /** Shares of the same destination are one. */
  #weigh(shares: readonly Share[], loadBalancer: LoadBalancer = {}) {
    const weights = new Map<string, number>();
    for (const { destination, weight } of shares) {
      const cluster = this.#cluster(destination, loadBalancer);
      weights.set(cluster, (weights.get(cluster) ?? 0) + weight);
    }
    return [...weights].map(([name, weight]) => ({ name, weight }));
  }

  #cluster(tags: Tags, loadBalancer: LoadBalancer): string {
    const service = tags[SERVICE_TAG] ?? '';
    const name = destinationCluster(service, tags);
    if (this.#clusters.has(name)) return name;
    this.#services.add(service);
    this.#destinations.set(name, { cluster: name, service, tags });
    const http = upstreamHttp(this.#snapshot.services.get(service)?.protocol ?? 'tcp');
    this.#clusters.set(name, outboundCluster({ name, http, loadBalancer }));
    return name;
  }

  /** The destination's own; for a name that only routes know, that of all the services they lead to. */
  #protocolOf(service: string, { shares }: Routing): Protocol {
    this.#services.add(service);
    const { services } = this.#snapshot;
    const own = services.get(service)?.protocol;
    if (own !== undefined) return own;
    const found = new Set(
      shares.flatMap((s) => services.get(s.destination[SERVICE_TAG] ?? '')?.protocol ?? []),
    );
    const [only] = found;
    return found.size === 1 && only !== undefined ? only : 'tcp';
  }
}

interface OutboundClusterParams {
  readonly name: string;
  readonly http: UpstreamHttp;
  readonly loadBalancer: LoadBalancer;
}

const outboundCluster = memoiseByValue((params: OutboundClusterParams) =>
  encode(ClusterSchema, params.name, edsCluster({ ...params, ...OUTBOUND })),
);
