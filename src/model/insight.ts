/** JSON of 2.14's DataplaneInsight: uint64 counters are strings, times RFC 3339. */
export interface TypeCounters {
  readonly responsesSent?: string;
  readonly responsesAcknowledged?: string;
  readonly responsesRejected?: string;
}

export interface DiscoverySubscription {
  readonly id: string;
  readonly controlPlaneInstanceId: string;
  readonly connectTime: string;
  readonly disconnectTime?: string;
  readonly generation?: number;
  readonly status: {
    readonly lastUpdateTime?: string;
    readonly total: TypeCounters;
    readonly cds: TypeCounters;
    readonly eds: TypeCounters;
    readonly lds: TypeCounters;
    readonly rds: TypeCounters;
  };
  readonly version?: {
    readonly kumaDp?: {
      readonly version?: string;
      readonly gitTag?: string;
      readonly gitCommit?: string;
      readonly buildDate?: string;
      readonly kumaCpCompatible?: boolean;
    };
    readonly envoy?: {
      readonly version?: string;
      readonly build?: string;
      readonly kumaDpCompatible?: boolean;
    };
    readonly dependencies?: Readonly<Record<string, string>>;
  };
}

export interface DataplaneInsightSpec {
  readonly subscriptions: readonly DiscoverySubscription[];
  /** Ours, beside 2.14's fields: the newest rejection of each type, with Envoy's own text. */
  readonly rejections?: readonly {
    readonly typeUrl: string;
    readonly time: string;
    readonly message: string;
  }[];
  /** Ours: the agent says that the application behind its proxy is ill, and why. None of its inbounds is ready then. */
  readonly illness?: { readonly since: string; readonly reason: string };
  /** Ours: the agent announced its stop, so nobody waits for it. */
  readonly left?: boolean;
  /** Ours: its stream was lost and its lease is over. */
  readonly expired?: boolean;
}

export type ProxyStatus = 'Online' | 'Offline' | 'Partially degraded';
