import { isIP } from 'node:net';
import type { Outbound } from '../../model/resources/dataplane-spec.ts';
import { SERVICE_TAG } from '../../model/tags.ts';
import type { XdsResource } from '../../xds/resource.ts';
import type { ProxyRouting, Routing } from '../mesh/routing.ts';
import type { DataplaneView, MeshSnapshot } from '../mesh/snapshot.ts';
import type { Destination } from './endpoints.ts';
import { outboundListenerResource } from './outbound-listener.ts';
import { isCurrent, type Target, targetOf } from './target.ts';

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
      parts.add(outbound, { address, port: outbound.port, tags: outbound.tags }, to);
    }
  }
  return parts.result();
}

type TaggedOutbound = Required<Pick<Outbound, 'address' | 'port' | 'tags'>>;

/** What was made last for an outbound. */
interface Reached {
  readonly routing: Routing;
  readonly target: Target;
  readonly listener: XdsResource;
}

const reached = new WeakMap<Outbound, Reached>();

/** Collects the parts of one proxy; clusters and routes that several outbounds share are there once. */
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

  add(outbound: Outbound, asked: TaggedOutbound, routing: Routing): void {
    const { target, listener } = this.#reached(outbound, asked, routing);
    for (const used of target.protocols.keys()) this.#services.add(used);
    for (const { to, resource } of target.clusters) {
      if (this.#clusters.has(to.cluster)) continue;
      this.#clusters.set(to.cluster, resource);
      this.#destinations.set(to.cluster, to);
    }
    const { destination, route } = target;
    if (route !== undefined && !this.#routes.has(destination)) this.#routes.set(destination, route);
    this.#listeners.push(listener);
  }

  /** A route that changes concerns few outbounds of a proxy; the others are not worked out again. */
  #reached(outbound: Outbound, { address, port, tags }: TaggedOutbound, routing: Routing): Reached {
    const known = reached.get(outbound);
    if (known?.routing === routing && isCurrent(this.#snapshot, known.target)) return known;
    const target = targetOf(this.#snapshot, tags, routing);
    const { destination, service, route, weighted } = target;
    const clusters = route === undefined ? weighted : [];
    const listener = outboundListenerResource({ address, port, destination, service, clusters });
    const found = { routing, target, listener };
    reached.set(outbound, found);
    return found;
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
}
