import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../../envoy/type-urls.ts';

export interface Step {
  readonly typeUrl: string;
  readonly updates: boolean;
  readonly removals: boolean;
}

/** Make before break, an order of sending only: nothing waits for an acknowledgement of another type. */
const UPDATES = [CLUSTER, ENDPOINT, SECRET, LISTENER, ROUTE];
const REMOVALS = [CLUSTER, ENDPOINT, ROUTE, SECRET];

/**
 * Removals go last, after what referred to them has changed. Those of listeners go with the updates: Envoy refuses
 * an address that the response which moves it to another listener does not free.
 */
export function stepsFor(typeUrls: Iterable<string>): readonly Step[] {
  const present = new Set(typeUrls);
  const others = [...present].filter((typeUrl) => !UPDATES.includes(typeUrl)).sort();
  const known = (list: readonly string[]) => list.filter((typeUrl) => present.has(typeUrl));
  return [
    ...[...known(UPDATES), ...others].map((typeUrl) => ({
      typeUrl,
      updates: true,
      removals: typeUrl === LISTENER,
    })),
    ...[...known(REMOVALS), ...others].map((typeUrl) => ({ typeUrl, updates: false, removals: true })),
  ];
}
