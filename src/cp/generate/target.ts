// Where one routing leads: clusters, weights and the route configuration, whatever proxy asks. Policies give all outbounds
// that ask the same the same routing, so a route that changes is worked out once for all proxies it concerns.
import { edsCluster, type UpstreamHttp } from '../../envoy/cluster.ts';
import type { LoadBalancer } from '../../envoy/load-balancer.ts';
import { destinationCluster } from '../../envoy/names.ts';
import type { WeightedCluster } from '../../envoy/weighted-cluster.ts';
import type { Protocol } from '../../model/resources/dataplane-spec.ts';
import { SERVICE_TAG, type Tags } from '../../model/tags.ts';
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.js';
import type { XdsResource } from '../../xds/resource.ts';
import type { Routing, Share } from '../mesh/routing.ts';
import type { MeshSnapshot } from '../mesh/snapshot.ts';
import { OUTBOUND } from './defaults.ts';
import { encode } from './encode.ts';
import type { Destination } from './endpoints.ts';
import { memoiseByValue } from './memo.ts';
import { outboundRouteResource } from './outbound-listener.ts';
import { isHttp, upstreamHttp } from './protocol.ts';

export interface Target {
  readonly service: string;
  /** Cluster name of what is asked for; routes may lead elsewhere. */
  readonly destination: string;
  /** Where it goes when no rule for requests matches. */
  readonly weighted: readonly WeightedCluster[];
  /** For services whose listeners understand requests. */
  readonly route: XdsResource | undefined;
  readonly clusters: readonly { readonly to: Destination; readonly resource: XdsResource }[];
  /** Services looked at, with what was seen; undefined for one that does not exist. */
  readonly protocols: ReadonlyMap<string, Protocol | undefined>;
}

const targets = new WeakMap<Routing, Target>();

export function targetOf(snapshot: MeshSnapshot, tags: Tags, routing: Routing): Target {
  const service = tags[SERVICE_TAG] ?? '';
  const destination = destinationCluster(service, tags);
  const known = targets.get(routing);
  if (known?.destination === destination && isCurrent(snapshot, known)) return known;
  const target = new TargetBuilder(snapshot, routing.loadBalancer ?? {}).build(
    { service, destination },
    routing,
  );
  targets.set(routing, target);
  return target;
}

/** The services it looked at still speak what they spoke. */
export function isCurrent({ services }: MeshSnapshot, { protocols }: Target): boolean {
  for (const [service, protocol] of protocols) if (services.get(service)?.protocol !== protocol) return false;
  return true;
}

class TargetBuilder {
  readonly #snapshot: MeshSnapshot;
  readonly #loadBalancer: LoadBalancer;
  readonly #protocols = new Map<string, Protocol | undefined>();
  readonly #clusters = new Map<string, { to: Destination; resource: XdsResource }>();

  constructor(snapshot: MeshSnapshot, loadBalancer: LoadBalancer) {
    this.#snapshot = snapshot;
    this.#loadBalancer = loadBalancer;
  }

  build(asked: Pick<Target, 'service' | 'destination'>, routing: Routing): Target {
    const weighted = this.#weigh(routing.shares);
    const route = isHttp(this.#protocolOf(asked.service, routing))
      ? this.#route(asked.destination, routing, weighted)
      : undefined;
    return { ...asked, weighted, route, clusters: [...this.#clusters.values()], protocols: this.#protocols };
  }

  #route(destination: string, { http }: Routing, clusters: readonly WeightedCluster[]): XdsResource {
    const rules = http.map(({ match, modify, shares }) => ({
      match,
      ...(modify === undefined ? {} : { modify }),
      clusters: this.#weigh(shares),
    }));
    return outboundRouteResource({ destination, routes: [...rules, { match: {}, clusters }] });
  }

  /** Shares of the same destination are one. */
  #weigh(shares: readonly Share[]): readonly WeightedCluster[] {
    const weights = new Map<string, number>();
    for (const { destination, weight } of shares) {
      const cluster = this.#cluster(destination);
      weights.set(cluster, (weights.get(cluster) ?? 0) + weight);
    }
    return [...weights].map(([name, weight]) => ({ name, weight }));
  }

  #cluster(tags: Tags): string {
    const service = tags[SERVICE_TAG] ?? '';
    const name = destinationCluster(service, tags);
    if (this.#clusters.has(name)) return name;
    const http = upstreamHttp(this.#see(service) ?? 'tcp');
    const resource = outboundCluster({ name, http, loadBalancer: this.#loadBalancer });
    this.#clusters.set(name, { to: { cluster: name, service, tags }, resource });
    return name;
  }

  /** The destination's own; for a name that only routes know, that of all the services they lead to. */
  #protocolOf(service: string, { shares }: Routing): Protocol {
    const own = this.#see(service);
    if (own !== undefined) return own;
    const found = new Set(shares.flatMap((s) => this.#see(s.destination[SERVICE_TAG] ?? '') ?? []));
    const [only] = found;
    return found.size === 1 && only !== undefined ? only : 'tcp';
  }

  #see(service: string): Protocol | undefined {
    const protocol = this.#snapshot.services.get(service)?.protocol;
    this.#protocols.set(service, protocol);
    return protocol;
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
