import type { GrpcEndpoint } from '../grpc/client.ts';

/** A control plane the link is to call, and who hears what became of it. */
export interface Upstream {
  /** For people. */
  readonly name: string;
  readonly endpoint: GrpcEndpoint;
  /** A stream is open. */
  opened(): void;
  /** It could not be reached, or its stream ended by itself. */
  failed(): void;
}

/** In ms; what is absent is left to the connection. */
export interface UpstreamTiming {
  readonly connectTimeoutMs?: number;
  readonly pingIntervalMs?: number;
  readonly pingTimeoutMs?: number;
}
