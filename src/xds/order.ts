import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../envoy/type-urls.ts';

/** One thing to look at when deciding what a stream is to be sent next. */
export interface Step {
  readonly typeUrl: string;
  /** What a response of this step may carry. */
  readonly updates: boolean;
  readonly removals: boolean;
}

/**
 * Make before break: what others refer to is sent before what refers to it, and taken away after. Listeners are the
 * exception: a listener that moves an address to another name must go in the response that brings the new one, or
 * Envoy refuses the address as taken.
 * Source: xDS protocol, "Eventual consistency considerations".
 */
const UPDATES_FIRST = [CLUSTER, ENDPOINT, SECRET, LISTENER, ROUTE];
const REMOVALS_LAST = [CLUSTER, ENDPOINT, ROUTE, SECRET];

/** The order of sending for the given types; types without a place of their own come after the known ones. */
export function stepsFor(typeUrls: Iterable<string>): readonly Step[] {
  const present = new Set(typeUrls);
  const others = [...present].filter((type) => !UPDATES_FIRST.includes(type)).sort();
  const known = (list: readonly string[]) => list.filter((type) => present.has(type));
  return [
    ...[...known(UPDATES_FIRST), ...others].map((typeUrl) => ({
      typeUrl,
      updates: true,
      removals: typeUrl === LISTENER,
    })),
    ...[...known(REMOVALS_LAST), ...others].map((typeUrl) => ({ typeUrl, updates: false, removals: true })),
  ];
}
