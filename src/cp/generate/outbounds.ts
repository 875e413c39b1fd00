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
  /** What each outbound that has a listener came to, in their order. */
  readonly reached: readonly Reached[];
}

export interface OutboundInput {
  readonly snapshot: MeshSnapshot;
  readonly dataplane: DataplaneView;
  readonly routing: ProxyRouting;
  /** `address:port` pairs of the inbounds. */
  readonly bound: ReadonlySet<string>;
  /** What was made last for this very dataplane. */
  readonly last?: OutboundPart;
}

interface Reached {
  readonly outbound: Outbound;
  readonly asked: TaggedOutbound;
  readonly routing: Routing;
  readonly target: Target;
  readonly listener: XdsResource;
}

type TaggedOutbound = Required<Pick<Outbound, 'address' | 'port' | 'tags'>>;

/**
 * Listeners for what the application calls, and clusters and routes for where its calls go. A changed route concerns
 * few outbounds of a proxy and mostly their weights: the others are not worked out again, and lists that come out the
 * same are those of `last`.
 */
export function generateOutbounds(input: OutboundInput): OutboundPart {
  return (input.last && adapt(input.last, input)) ?? makeOutbounds(input);
}

/** Undefined when other clusters are reached than before. */
function adapt(last: OutboundPart, { snapshot, routing }: OutboundInput): OutboundPart | undefined {
  const reached: Reached[] = [];
  let [sameListeners, sameRoutes] = [true, true];
  for (const before of last.reached) {
    const to = routing.byOutbound.get(before.outbound);
    if (to === undefined) return undefined;
    const now = reach(snapshot, before.outbound, { asked: before.asked, routing: to, before });
    if (now !== before && !sameClusters(now.target, before.target)) return undefined;
    sameListeners &&= now.listener === before.listener;
    sameRoutes &&= now.target.route === before.target.route;
    reached.push(now);
  }
  const listeners = sameListeners ? last.listeners : reached.map(({ listener }) => listener);
  return { ...last, reached, listeners, routes: sameRoutes ? last.routes : routesOf(reached) };
}

function sameClusters(a: Target, b: Target): boolean {
  if (a.clusters.length !== b.clusters.length || a.protocols.size !== b.protocols.size) return false;
  for (const service of a.protocols.keys()) if (!b.protocols.has(service)) return false;
  return a.clusters.every(({ to, resource }, i) => {
    const other = b.clusters[i];
    return other?.resource === resource && other.to.cluster === to.cluster;
  });
}

function makeOutbounds({ snapshot, dataplane, routing, bound }: OutboundInput): OutboundPart {
  const reached: Reached[] = [];
  const problems: string[] = [];
  const taken = new Set(bound);
  for (const [index, outbound] of (dataplane.spec.networking.outbound ?? []).entries()) {
    const where = `networking.outbound[${index}]`;
    const { address = '127.0.0.1', port, tags } = outbound;
    const bind = `${address}:${port}`;
    const to = routing.byOutbound.get(outbound);
    if (tags === undefined || to === undefined) {
      problems.push(`${where}: no listener, only destinations by ${SERVICE_TAG} are supported`);
    } else if (isIP(address) === 0) {
      problems.push(`${where}: no listener, ${address} is not an IP address`);
    } else if (taken.has(bind)) {
      problems.push(`${where}: no listener, ${bind} is taken by an entry before it`);
    } else {
      taken.add(bind);
      reached.push(reach(snapshot, outbound, { asked: { address, port, tags }, routing: to }));
    }
  }
  return collect(reached, problems);
}

interface Question {
  readonly asked: TaggedOutbound;
  readonly routing: Routing;
  readonly before?: Reached;
}

function reach(snapshot: MeshSnapshot, outbound: Outbound, { asked, routing, before }: Question): Reached {
  if (before?.routing === routing && isCurrent(snapshot, before.target)) return before;
  const { address, port, tags } = asked;
  const target = targetOf(snapshot, tags, routing);
  const { destination, service, route, weighted } = target;
  const clusters = route === undefined ? weighted : [];
  const listener = outboundListenerResource({ address, port, destination, service, clusters });
  return { outbound, asked, routing, target, listener };
}

/** Clusters and routes that several outbounds share are there once. */
function collect(reached: readonly Reached[], problems: readonly string[]): OutboundPart {
  const services = new Set<string>();
  const clusters = new Map<string, { readonly to: Destination; readonly resource: XdsResource }>();
  for (const { target } of reached) {
    for (const used of target.protocols.keys()) services.add(used);
    for (const cluster of target.clusters) {
      if (!clusters.has(cluster.to.cluster)) clusters.set(cluster.to.cluster, cluster);
    }
  }
  return {
    clusters: [...clusters.values()].map(({ resource }) => resource),
    listeners: reached.map(({ listener }) => listener),
    routes: routesOf(reached),
    destinations: [...clusters.values()].map(({ to }) => to),
    services,
    problems,
    reached,
  };
}

function routesOf(reached: readonly Reached[]): readonly XdsResource[] {
  const routes = new Map<string, XdsResource>();
  for (const { target } of reached) {
    const { destination, route } = target;
    if (route !== undefined && !routes.has(destination)) routes.set(destination, route);
  }
  return [...routes.values()];
}
