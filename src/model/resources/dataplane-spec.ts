import type { Tags } from '../tags.ts';

export type Protocol = 'tcp' | 'http' | 'http2' | 'grpc' | 'kafka';

/** Ready: serves. NotReady: probes or its agent say no. Ignored: never an endpoint. */
export type InboundState = 'Ready' | 'NotReady' | 'Ignored';

export interface ServiceProbe {
  /** Go durations as written (`1s`). */
  readonly interval?: string;
  readonly timeout?: string;
  readonly unhealthyThreshold?: number;
  readonly healthyThreshold?: number;
  readonly tcp?: Record<string, never>;
}

export interface Inbound {
  readonly port: number;
  /** Port of the application; the same as `port` when absent. */
  readonly servicePort?: number;
  /** Address of the application, 127.0.0.1 when absent. */
  readonly serviceAddress?: string;
  /** Overrides `networking.address` for this inbound. */
  readonly address?: string;
  readonly name?: string;
  readonly protocol?: string;
  readonly tags: Tags;
  readonly serviceProbe?: ServiceProbe;
  readonly state?: InboundState;
  readonly health?: { readonly ready: boolean };
}

export interface Outbound {
  readonly port: number;
  /** 127.0.0.1 when absent. */
  readonly address?: string;
  /** Holds `kuma.io/service` and, in subsets, more. Exactly one of `tags` and `backendRef`. */
  readonly tags?: Tags;
  readonly backendRef?: {
    readonly kind: string;
    readonly name?: string;
    readonly labels?: Tags;
    readonly port?: number;
  };
}

export interface Networking {
  readonly address: string;
  /** What peers dial when it differs from `address` (NAT). */
  readonly advertisedAddress?: string;
  readonly inbound?: readonly Inbound[];
  readonly outbound?: readonly Outbound[];
  readonly gateway?: { readonly tags: Tags; readonly type?: 'DELEGATED' | 'BUILTIN' };
  readonly transparentProxying?: Readonly<Record<string, unknown>>;
  readonly admin?: { readonly port?: number };
}

export interface DataplaneSpec {
  readonly networking: Networking;
  readonly metrics?: Readonly<Record<string, unknown>>;
  readonly probes?: Readonly<Record<string, unknown>>;
}
