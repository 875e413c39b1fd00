import type { Outbound } from '../../model/resources/dataplane-spec.ts';
import type {
  HttpModification,
  HttpRouteRule,
  LoadBalancer,
} from '../../model/resources/traffic-route-spec.ts';
import type { Tags } from '../../model/tags.ts';
import type { DataplaneView, MeshSnapshot } from './snapshot.ts';

/** Where the traffic of one outbound goes: what policies decide and generation turns into listeners and routes. */
export interface Routing {
  /** Never empty. */
  readonly shares: readonly Share[];
  /** For HTTP, looked at before `shares`; the first match wins. */
  readonly http: readonly HttpRule[];
  /** Of all clusters this outbound reaches; round robin when absent. */
  readonly loadBalancer?: LoadBalancer;
}

export interface Share {
  /** Holds the service tag, never `*` as its value. */
  readonly destination: Tags;
  /** Whole, at least 1; the sum fits in 32 bits. */
  readonly weight: number;
}

export interface HttpRule {
  readonly match: HttpRouteRule['match'];
  readonly modify?: HttpModification;
  readonly shares: readonly Share[];
}

/** The routing of all outbounds of a proxy that have tags; the same object for the same dataplane and policies. */
export interface ProxyRouting {
  readonly byOutbound: ReadonlyMap<Outbound, Routing>;
  /** Sentences for the operator. */
  readonly problems: readonly string[];
}

export type RoutingPolicy = (snapshot: MeshSnapshot, dataplane: DataplaneView) => ProxyRouting;
