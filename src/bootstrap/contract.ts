import type { JsonObject } from '../lib/json.ts';

/**
 * The bootstrap exchange, `POST /bootstrap` of kuma-cp. Field names are Kuma's on the wire. Two forms share the
 * path: 0.1 sends only `mesh`, `name`, `adminPort` and wants bare YAML; 2.x sends the rest and, with
 * `accept: application/json`, gets `BootstrapReply`. Unknown fields are ignored by both sides.
 */
export interface BootstrapRequest {
  readonly mesh: string;
  readonly name: string;
  /** `dataplane`, `ingress` or `egress`. */
  readonly proxyType?: string;
  /** 0.1 only; 0 or absent leaves the choice to the control plane. */
  readonly adminPort?: number;
  readonly dataplaneToken?: string;
  readonly dataplaneTokenPath?: string;
  /** A whole Dataplane as JSON or YAML text: the agent brings its own object. */
  readonly dataplaneResource?: string;
  readonly version?: BootstrapVersion;
  /** PEM of the CA that Envoy is to trust for the control plane; the control plane's own when absent. */
  readonly caCert?: string;
  readonly dynamicMetadata?: Readonly<Record<string, string>> | null;
  /** Port of the agent's readiness server; the real kuma-cp sends no configuration without it. */
  readonly readinessPort?: number;
  readonly operatingSystem?: string;
  readonly features?: readonly string[];
  readonly resources?: { readonly maxHeapSizeBytes?: number };
  /** Private directory of the agent; sockets live in it. */
  readonly workdir?: string;
  readonly metricsResources?: { readonly certPath?: string; readonly keyPath?: string };
  readonly systemCaPath?: string;
  readonly ipv6Enabled?: boolean;
}

export interface BootstrapVersion {
  readonly kumaDp: {
    readonly version: string;
    readonly gitTag: string;
    readonly gitCommit: string;
    readonly buildDate: string;
  };
  readonly envoy: { readonly version: string; readonly build: string; readonly kumaDpCompatible: boolean };
}

export interface BootstrapReply {
  /** Base64 of an Envoy v3 bootstrap in YAML. */
  readonly bootstrap: string;
  readonly kumaSidecarConfiguration: {
    readonly networking: { readonly address: string; readonly corefileTemplate: string | null };
    readonly metrics: { readonly aggregate: readonly JsonObject[] | null };
  };
}

/** `POST /leave`, ours: a graceful stop is announced before Envoy begins to drain. */
export interface LeaveRequest {
  readonly mesh: string;
  readonly name: string;
  readonly dataplaneToken?: string;
}

/**
 * `POST /health`, ours: what the agent knows of the application behind its proxy. Repeated while it holds; the control
 * plane forgets it with the proxy's lease. 404 from a control plane that knows no such path, or no such proxy.
 */
export interface HealthRequest {
  readonly mesh: string;
  readonly name: string;
  readonly healthy: boolean;
  /** Why not, one line. */
  readonly reason?: string;
  readonly dataplaneToken?: string;
}

/** Key of the node's metadata that holds the Dataplane an agent brought; the name is Kuma's. */
export const DATAPLANE_RESOURCE = 'dataplane.resource';

/** Features an agent announces; the names are Kuma's. */
export const FEATURE_DELTA_GRPC = 'feature-delta-grpc';
export const FEATURE_REUSE_PORT = 'feature-reuse-port';
export const FEATURE_STRICT_INBOUND_PORTS = 'feature-strict-inbound-ports';
/** Ours: the agent's Envoy outlives the agent, so its endpoints get a longer lease when the stream is lost. */
export const FEATURE_KEEP_ENVOY = 'feature-keep-envoy';
