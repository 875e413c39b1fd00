import type { Selector, Tags } from '../tags.ts';

export interface RouteSplit {
  /** Any non-negative integer; shares are relative to the sum. */
  readonly weight: number;
  /** `kuma.io/service` and, for a subset, further tags. */
  readonly destination: Tags;
}

/** Exactly one field. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

export interface HeaderModification {
  readonly add?: readonly { readonly name: string; readonly value: string; readonly append?: boolean }[];
  readonly remove?: readonly { readonly name: string }[];
}

export interface RegexReplacement {
  readonly pattern: string;
  readonly substitution: string;
}

export interface HttpModification {
  readonly path?: { readonly rewritePrefix?: string; readonly regex?: RegexReplacement };
  readonly host?: { readonly value?: string; readonly fromPath?: RegexReplacement };
  readonly requestHeaders?: HeaderModification;
  readonly responseHeaders?: HeaderModification;
}

export interface HttpRouteRule {
  readonly match: {
    readonly path?: StringMatch;
    readonly method?: StringMatch;
    readonly headers?: Readonly<Record<string, StringMatch>>;
  };
  readonly modify?: HttpModification;
  readonly split?: readonly RouteSplit[];
  readonly destination?: Tags;
}

/** Exactly one field. */
export interface LoadBalancer {
  readonly roundRobin?: Record<never, never>;
  readonly leastRequest?: { readonly choiceCount?: number };
  readonly ringHash?: {
    readonly hashFunction?: string;
    readonly minRingSize?: number;
    readonly maxRingSize?: number;
  };
  readonly random?: Record<never, never>;
  readonly maglev?: Record<never, never>;
}

/** Exactly one of `split` and `destination`. */
export interface TrafficRouteConf {
  readonly split?: readonly RouteSplit[];
  readonly destination?: Tags;
  readonly loadBalancer?: LoadBalancer;
  readonly http?: readonly HttpRouteRule[];
}

export interface TrafficRouteSpec {
  readonly sources: readonly Selector[];
  readonly destinations: readonly Selector[];
  readonly conf: TrafficRouteConf;
}
