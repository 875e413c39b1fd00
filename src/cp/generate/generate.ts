// From a mesh snapshot to what one proxy is to have. Pure, in two parts: listeners, clusters and routes depend on the
// proxy, the policies and the protocols of the services it calls, and are kept while these stay; endpoints are looked
// up each time, encoded once for all proxies. A join therefore costs a consumer one look-up for each of its clusters.
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../envoy/type-urls.ts';
import type { Protocol } from '../../model/resources/dataplane-spec.ts';
import type { ProxySnapshot, ResourceMap } from '../../xds/resource.ts';
import type { ProxyRouting } from '../mesh/routing.ts';
import type { DataplaneView, MeshSnapshot } from '../mesh/snapshot.ts';
import { toResourceMap } from './encode.ts';
import { assignmentOf, type Destination } from './endpoints.ts';
import { generateInbounds } from './inbounds.ts';
import { generateOutbounds } from './outbounds.ts';

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
  readonly destinations: readonly Destination[];
  readonly services: ReadonlySet<string>;
  readonly problems: readonly string[];
}

const frames = new WeakMap<DataplaneView, Frame>();

export function generate(input: GenerateInput): Generated {
  const { snapshot, previous } = input;
  const { listeners, clusters, routes, destinations, services, problems } = frameOf(input);
  const assignments = destinations.map((destination) => assignmentOf(snapshot, destination));
  const resources = new Map([
    [CLUSTER, clusters],
    [ENDPOINT, toResourceMap(assignments, previous?.get(ENDPOINT))],
    [LISTENER, listeners],
    [ROUTE, routes],
  ]);
  const same =
    previous?.size === resources.size && [...resources].every(([type, map]) => previous.get(type) === map);
  return { resources: same ? previous : resources, services, problems };
}

function frameOf(input: GenerateInput): Frame {
  const { snapshot, dataplane, routing } = input;
  const known = frames.get(dataplane);
  const fits =
    known?.routing === routing &&
    [...known.protocols].every(
      ([service, protocol]) => snapshot.services.get(service)?.protocol === protocol,
    );
  if (known !== undefined && fits) return known;
  const frame = makeFrame(input);
  frames.set(dataplane, frame);
  return frame;
}

function makeFrame({ snapshot, dataplane, routing, previous }: GenerateInput): Frame {
  const inbounds = generateInbounds(dataplane);
  const outbounds = generateOutbounds({ snapshot, dataplane, routing, bound: inbounds.bound });
  return {
    routing,
    protocols: new Map([...outbounds.services].map((name) => [name, snapshot.services.get(name)?.protocol])),
    listeners: toResourceMap([...inbounds.listeners, ...outbounds.listeners], previous?.get(LISTENER)),
    clusters: toResourceMap([...inbounds.clusters, ...outbounds.clusters], previous?.get(CLUSTER)),
    routes: toResourceMap(outbounds.routes, previous?.get(ROUTE)),
    destinations: outbounds.destinations,
    services: outbounds.services,
    problems: [...inbounds.problems, ...outbounds.problems, ...routing.problems],
  };
}
