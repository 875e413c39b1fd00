import type { Resource } from '../../model/resource.ts';
import type { Outbound } from '../../model/resources/dataplane-spec.ts';
import type { RouteSplit, TrafficRouteSpec } from '../../model/resources/traffic-route-spec.ts';
import { SERVICE_TAG, type Tags } from '../../model/tags.ts';
import { memoiseByValue } from '../generate/memo.ts';
import type { ProxyRouting, Routing, Share } from '../mesh/routing.ts';
import type { DataplaneView, MeshSnapshot } from '../mesh/snapshot.ts';
import { serviceMatcherFor } from './match.ts';

const NO_ROUTES: readonly Resource[] = [];
/** Envoy adds weights up in 32 bits. */
const MAX_WEIGHT_SUM = 2 ** 32 - 1;

interface Known {
  readonly routes: readonly Resource[];
  readonly routed: readonly Routed[];
  readonly routing: ProxyRouting;
}

/** One outbound, the route chosen for it and what the route makes of it. */
interface Routed {
  readonly outbound: Outbound;
  readonly route: Resource<TrafficRouteSpec> | undefined;
  readonly routing: Routing;
  readonly problem?: string;
}

const known = new WeakMap<DataplaneView, Known>();

/**
 * Remembered per dataplane. When routes of the mesh change, but none that this proxy's outbounds get, the answer is
 * still the same object; else each outbound whose route is still the same keeps its routing.
 */
export function routeByTrafficRoutes(snapshot: MeshSnapshot, dataplane: DataplaneView): ProxyRouting {
  const routes = snapshot.policies.get('TrafficRoute') ?? NO_ROUTES;
  const found = known.get(dataplane);
  if (found?.routes === routes) return found.routing;
  const routed = routeOutbounds(dataplane, routes as readonly Resource<TrafficRouteSpec>[], found?.routed);
  const same = found?.routed.every((one, i) => one === routed[i]) === true;
  const routing = found !== undefined && same ? found.routing : toProxyRouting(routed);
  known.set(dataplane, { routes, routed, routing });
  return routing;
}

/** What the outbounds with a service ask for; the same for as long as the dataplane is. */
interface Question {
  readonly outbound: Outbound;
  readonly service: string;
  readonly asked: Tags;
}

const questions = new WeakMap<DataplaneView, readonly Question[]>();

function questionsOf(dataplane: DataplaneView): readonly Question[] {
  let found = questions.get(dataplane);
  if (found === undefined) {
    found = (dataplane.spec.networking.outbound ?? []).flatMap((outbound) => {
      const service = outbound.tags?.[SERVICE_TAG];
      if (outbound.tags === undefined || service === undefined) return [];
      return [{ outbound, service, asked: outbound.tags }];
    });
    questions.set(dataplane, found);
  }
  return found;
}

/** A route is chosen by the service alone, whatever further tags the outbound asks for. */
function routeOutbounds(
  dataplane: DataplaneView,
  routes: readonly Resource<TrafficRouteSpec>[],
  before: readonly Routed[] | undefined,
): readonly Routed[] {
  const { inbound = [], gateway } = dataplane.spec.networking;
  const sources = [...inbound.map((i) => i.tags), ...(gateway === undefined ? [] : [gateway.tags])];
  const routeTo = serviceMatcherFor(routes, sources);
  return questionsOf(dataplane).map(({ outbound, service, asked }, i) => {
    const route = routeTo(service);
    const last = before?.[i];
    return last !== undefined && last.route === route ? last : routeOne(outbound, asked, route);
  });
}

/**
 * An outbound that no TrafficRoute matches goes to its whole destination. (In Kuma it refuses connections as soon as
 * any route matches the proxy; here a first route for one service does not cut off the others.)
 */
function routeOne(outbound: Outbound, asked: Tags, route: Routed['route']): Routed {
  if (route === undefined) return { outbound, route, routing: wholeDestination(asked) };
  const routing = applyRoute(route, asked);
  if (routing !== undefined) return { outbound, route, routing };
  const problem = `TrafficRoute "${route.key.name}" has no weight above 0 and is ignored`;
  return { outbound, route, routing: wholeDestination(asked), problem };
}

function toProxyRouting(routed: readonly Routed[]): ProxyRouting {
  const byOutbound = new Map<Outbound, Routing>();
  const problems = new Set<string>();
  for (const { outbound, routing, problem } of routed) {
    byOutbound.set(outbound, routing);
    if (problem !== undefined) problems.add(problem);
  }
  return { byOutbound, problems: [...problems] };
}

/** One object for all outbounds that ask the same: generation remembers what it made by the routing. */
const wholeDestination = memoiseByValue(
  (tags: Tags): Routing => ({ shares: [{ destination: tags, weight: 1 }], http: [] }),
);

/** By route and by what is asked for, for the same reason. */
const applied = new WeakMap<Resource, Map<string, Routing | undefined>>();

/** Undefined when the route says where nothing goes. */
function applyRoute(route: Resource<TrafficRouteSpec>, asked: Tags): Routing | undefined {
  const byQuestion = applied.get(route) ?? new Map<string, Routing | undefined>();
  applied.set(route, byQuestion);
  const question = JSON.stringify(asked);
  if (!byQuestion.has(question)) byQuestion.set(question, toRouting(route.spec, asked));
  return byQuestion.get(question);
}

function toRouting({ conf }: TrafficRouteSpec, asked: Tags): Routing | undefined {
  const shares = sharesOf(conf, asked);
  if (shares.length === 0) return undefined;
  const http = (conf.http ?? []).map(({ match, modify, ...target }) => {
    const own = sharesOf(target, asked);
    return { match, ...(modify === undefined ? {} : { modify }), shares: own.length === 0 ? shares : own };
  });
  return { shares, http, ...(conf.loadBalancer === undefined ? {} : { loadBalancer: conf.loadBalancer }) };
}

interface Target {
  readonly split?: readonly RouteSplit[];
  readonly destination?: Tags;
}

function sharesOf({ split, destination }: Target, asked: Tags): readonly Share[] {
  const all = split ?? (destination === undefined ? [] : [{ weight: 1, destination }]);
  const shares = all
    .filter(({ weight }) => weight > 0)
    .map(({ weight, destination: to }) => ({ weight, destination: resolveService(to, asked) }));
  const sum = shares.reduce((total, { weight }) => total + weight, 0);
  if (sum <= MAX_WEIGHT_SUM) return shares;
  return shares.map((s) => ({
    ...s,
    weight: Math.max(1, Math.floor((s.weight / sum) * (MAX_WEIGHT_SUM / 2))),
  }));
}

/** `kuma.io/service: '*'` stands for what the outbound asks for, its subset tags included. */
function resolveService(destination: Tags, asked: Tags): Tags {
  if (destination[SERVICE_TAG] !== '*' && destination[SERVICE_TAG] !== undefined) return destination;
  return { ...asked, ...destination, [SERVICE_TAG]: asked[SERVICE_TAG] ?? '' };
}
