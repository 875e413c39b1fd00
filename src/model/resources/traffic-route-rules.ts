import { keyPath, type Notes } from '../shape/notes.ts';
import { checkDestinationTags, checkTags } from '../tag-rules.ts';
import { SERVICE_TAG, type Selector, type Tags } from '../tags.ts';
import type { HttpRouteRule, RouteSplit, StringMatch, TrafficRouteSpec } from './traffic-route-spec.ts';

export function checkTrafficRoute(spec: TrafficRouteSpec, notes: Notes): void {
  checkSelectors(spec.sources, 'sources', notes);
  checkSelectors(spec.destinations, 'destinations', notes);
  spec.destinations.forEach(({ match }, i) => {
    checkServiceOnly(match, `destinations[${i}].match`, notes);
  });
  if (Object.keys(spec.conf).length === 0) {
    notes.violate('conf', 'cannot be empty');
    return;
  }
  checkTarget(spec.conf, 'conf', notes);
  checkLoadBalancer(spec.conf.loadBalancer, notes);
  spec.conf.http?.forEach((rule, i) => {
    checkHttpRule(rule, `conf.http[${i}]`, notes);
  });
}

/** Every destination a route can send to, with its path: for callers that know which services exist. */
export function routeDestinations(
  spec: TrafficRouteSpec,
): readonly { readonly field: string; readonly tags: Tags; readonly weight: number }[] {
  const inPlace = (target: RouteTarget, at: string) => [
    ...(target.destination === undefined
      ? []
      : [{ field: `${at}.destination`, tags: target.destination, weight: 1 }]),
    ...(target.split ?? []).map(({ destination, weight }, i) => {
      return { field: `${at}.split[${i}].destination`, tags: destination, weight };
    }),
  ];
  const http = (spec.conf.http ?? []).flatMap((rule, i) => inPlace(rule, `conf.http[${i}]`));
  return [...inPlace(spec.conf, 'conf'), ...http];
}

interface RouteTarget {
  readonly split?: readonly RouteSplit[];
  readonly destination?: Tags;
}

function checkSelectors(selectors: readonly Selector[], at: string, notes: Notes): void {
  if (selectors.length === 0) notes.violate(at, 'must have at least one element');
  selectors.forEach(({ match }, i) => {
    checkTags(match, `${at}[${i}].match`, notes, true);
  });
}

// The destination side is compared with the service of an outbound alone, so no other tag could ever match.
function checkServiceOnly(match: Tags, at: string, notes: Notes): void {
  if (!Object.hasOwn(match, SERVICE_TAG)) notes.violate(at, `mandatory tag "${SERVICE_TAG}" is missing`);
  for (const name of Object.keys(match)) {
    if (name !== SERVICE_TAG) notes.violate(keyPath(at, name), `tag "${name}" is not allowed`);
  }
}

function checkTarget({ split, destination }: RouteTarget, at: string, notes: Notes): void {
  if (split !== undefined && destination !== undefined) {
    notes.violate(at, '"split" cannot be defined at the same time as "destination"');
  } else if (split === undefined && destination === undefined) {
    notes.violate(at, 'requires either "destination" or "split"');
  }
  if (destination !== undefined) checkDestinationTags(destination, `${at}.destination`, notes, true);
  split?.forEach((part, i) => {
    checkDestinationTags(part.destination, `${at}.split[${i}].destination`, notes, true);
  });
  if (split?.every(({ weight }) => weight === 0)) {
    notes.violate(`${at}.split`, 'there must be at least one split entry with a weight above 0');
  }
  // Envoy adds the weights up in 32 bits.
  if ((split ?? []).reduce((sum, { weight }) => sum + weight, 0) > 0xffff_ffff) {
    notes.violate(`${at}.split`, 'the sum of weights must not exceed 4294967295');
  }
}

function checkLoadBalancer(balancer: object | undefined, notes: Notes): void {
  if (balancer === undefined || Object.keys(balancer).length === 1) return;
  notes.violate(
    'conf.loadBalancer',
    'must have exactly one of roundRobin, leastRequest, ringHash, random, maglev',
  );
}

function checkHttpRule(rule: HttpRouteRule, at: string, notes: Notes): void {
  const { path, method, headers } = rule.match;
  if (path === undefined && method === undefined && headers === undefined) {
    notes.violate(`${at}.match`, 'must have at least one of path, method, headers');
  }
  if (path !== undefined) checkStringMatch(path, `${at}.match.path`, notes);
  if (method !== undefined) checkStringMatch(method, `${at}.match.method`, notes);
  for (const [name, match] of Object.entries(headers ?? {})) {
    checkStringMatch(match, keyPath(`${at}.match.headers`, name), notes);
  }
  checkTarget(rule, at, notes);
}

function checkStringMatch(match: StringMatch, at: string, notes: Notes): void {
  if (Object.keys(match).length !== 1) notes.violate(at, 'must have exactly one of exact, prefix, regex');
}
