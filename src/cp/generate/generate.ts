// From a mesh snapshot to what one proxy is to have. Pure, in two parts: listeners, clusters and routes depend on the
// proxy, the policies and the protocols of the services it calls, and are kept while these stay; endpoints are looked
// up each time, encoded once for all proxies. A join therefore costs a consumer one look-up for each of its clusters.
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../envoy/type-urls.ts';
import type { Protocol } from '../../model/resources/dataplane-spec.ts';
import type { ProxySnapshot, ResourceMap, XdsResource } from '../../xds/resource.ts';
import type { ProxyRouting } from '../mesh/routing.ts';
import type { DataplaneView, MeshSnapshot } from '../mesh/snapshot.ts';
import { toResourceMap } from './encode.ts';
import { assignmentOf, type Destination } from './endpoints.ts';
import { generateInbounds } from './inbounds.ts';
import { generateOutbounds, type OutboundPart } from './outbounds.ts';

export interface GenerateInput {
  readonly snapshot: MeshSnapshot;
  readonly dataplane: DataplaneView;
  readonly routing: ProxyRouting;
  /** What the proxy had before; parts that are still the same keep their identity. */
  readonly previous?: ProxySnapshot;
}

export interface Generated {
  /** All four types are there, empty ones too: a proxy waits for an answer of each. */
  readonly resources: ProxySnapshot;
  /** A change in any other service does not concern this proxy. The same object while nothing but endpoints changes. */
  readonly services: ReadonlySet<string>;
  /** Sentences for the operator about entries that were left out. */
  readonly problems: readonly string[];
}

interface Frame {
  readonly routing: ProxyRouting;
  readonly protocols: ReadonlyMap<string, Protocol | undefined>;
  readonly listeners: ResourceMap;
  readonly clusters: ResourceMap;
  readonly routes: ResourceMap;
  readonly outbounds: OutboundPart;
  readonly problems: readonly string[];
  /** The services that `protocols` were last compared with. */
  seen: MeshSnapshot['services'];
}

const frames = new WeakMap<DataplaneView, Frame>();

export function generate(input: GenerateInput): Generated {
  const { snapshot, previous } = input;
  const { listeners, clusters, routes, outbounds, problems } = frameOf(input);
  const endpoints = endpointsOf(snapshot, outbounds.destinations, previous?.get(ENDPOINT));
  const resources = new Map([
    [CLUSTER, clusters],
    [ENDPOINT, endpoints],
    [LISTENER, listeners],
    [ROUTE, routes],
  ]);
  const same =
    previous?.size === resources.size && [...resources].every(([type, map]) => previous.get(type) === map);
  return { resources: same ? previous : resources, services: outbounds.services, problems };
}

interface FoundEndpoints {
  readonly services: MeshSnapshot['services'];
  readonly map: ResourceMap;
}

const found = new WeakMap<readonly Destination[], FoundEndpoints>();

/** Looked up again only when services changed: a route that changes nothing but weights leaves them alone. */
function endpointsOf(
  snapshot: MeshSnapshot,
  destinations: readonly Destination[],
  previous: ResourceMap | undefined,
): ResourceMap {
  const { services } = snapshot;
  const known = found.get(destinations);
  if (known?.services === services) return known.map;
  const assignments = destinations.map((destination) => assignmentOf(snapshot, destination));
  const map = toResourceMap(assignments, previous);
  found.set(destinations, { services, map });
  return map;
}

function frameOf(input: GenerateInput): Frame {
  const { snapshot, dataplane, routing } = input;
  const known = frames.get(dataplane);
  if (known?.routing === routing && isSeen(known, snapshot)) return known;
  const frame = makeFrame(input, known);
  frames.set(dataplane, frame);
  return frame;
}

function isSeen(frame: Frame, { services }: MeshSnapshot): boolean {
  if (frame.seen === services) return true;
  for (const [name, protocol] of frame.protocols) {
    if (services.get(name)?.protocol !== protocol) return false;
  }
  frame.seen = services;
  return true;
}

/** What comes out as it was keeps the identity it had in `known`, the frame before of this very dataplane. */
function makeFrame(input: GenerateInput, known: Frame | undefined): Frame {
  const { snapshot, dataplane, routing } = input;
  const inbounds = generateInbounds(dataplane);
  const last = known?.outbounds;
  const outbounds = generateOutbounds({
    snapshot,
    dataplane,
    routing,
    bound: inbounds.bound,
    ...(last === undefined ? {} : { last }),
  });
  const mapOf = (part: 'listeners' | 'clusters' | 'routes', own: readonly XdsResource[], typeUrl: string) =>
    known !== undefined && outbounds[part] === last?.[part]
      ? known[part]
      : toResourceMap([...own, ...outbounds[part]], input.previous?.get(typeUrl));
  return {
    routing,
    protocols:
      known !== undefined && outbounds.services === last?.services && isSeen(known, snapshot)
        ? known.protocols
        : new Map([...outbounds.services].map((name) => [name, snapshot.services.get(name)?.protocol])),
    listeners: mapOf('listeners', inbounds.listeners, LISTENER),
    clusters: mapOf('clusters', inbounds.clusters, CLUSTER),
    routes: mapOf('routes', [], ROUTE),
    outbounds,
    problems: [...inbounds.problems, ...outbounds.problems, ...routing.problems],
    seen: snapshot.services,
  };
}
