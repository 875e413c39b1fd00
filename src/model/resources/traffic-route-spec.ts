import type { JsonObject } from '../../lib/json.ts';
import type { Selector, Tags } from '../tags.ts';

export interface RouteSplit {
  /** Any non-negative integer; shares are relative to the sum. */
  readonly weight: number;
  /** `kuma.io/service` and, for a subset, further tags. */
  readonly destination: Tags;
}

export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

export interface HttpRouteRule {
  readonly match: {
    readonly path?: StringMatch;
    readonly method?: StringMatch;
    readonly headers?: Readonly<Record<string, StringMatch>>;
  };
  readonly modify?: JsonObject;
  readonly split?: readonly RouteSplit[];
  readonly destination?: Tags;
}

/** Exactly one of `split` and `destination`. */
export interface TrafficRouteConf {
  readonly split?: readonly RouteSplit[];
  readonly destination?: Tags;
  readonly loadBalancer?: JsonObject;
  readonly http?: readonly HttpRouteRule[];
}

export interface TrafficRouteSpec {
  readonly sources: readonly Selector[];
  readonly destinations: readonly Selector[];
  readonly conf: TrafficRouteConf;
}
