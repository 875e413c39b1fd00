import type { XdsNode } from './node.ts';

/** One ADS stream as its owner sees it. */
export interface StreamInfo {
  /** Counts up over the life of the server. */
  readonly id: number;
  readonly mode: 'sotw' | 'delta';
  readonly node: XdsNode;
  /** `address:port` of the peer. */
  readonly peer: string;
  /** gRPC request headers, lower-case; `authorization` among them when sent. */
  readonly headers: ReadonlyMap<string, string>;
  /** Ends the stream with this status (gRPC code name, e.g. `ABORTED`). */
  close(code: GrpcCode, message: string): void;
}

export type GrpcCode =
  | 'UNKNOWN'
  | 'ABORTED'
  | 'UNAVAILABLE'
  | 'INVALID_ARGUMENT'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'INTERNAL';

/** Throw from `onOpen` to refuse a stream; anything else thrown is answered INTERNAL and logged. */
export class StreamRefused extends Error {
  readonly code: GrpcCode;
  constructor(code: GrpcCode, message: string) {
    super(message);
    this.code = code;
    this.name = 'StreamRefused';
  }
}

/**
 * What the protocol server tells the control plane. All but `authorize` and `onOpen` must be quick and must not throw.
 * A stream of a node that already has one: the old is closed first (`onClosed` comes before the new `onOpen`), even if
 * its `onOpen` has not resolved yet. Every stream whose `onOpen` was called gets one `onClosed`, refused or not.
 */
export interface AdsCallbacks {
  /**
   * May refuse a stream (StreamRefused) before anything is touched: the node's present stream is replaced only after
   * this, so that a stranger who names a node cannot cut it off. Without it every stream is let in.
   */
  authorize?(stream: StreamInfo): void | Promise<void>;
  /** First request read, nothing answered yet. Responses start when it resolves (the cache is filled by then). */
  onOpen(stream: StreamInfo): Promise<void>;
  /** A response was handed to the stream. */
  onSent(stream: StreamInfo, typeUrl: string, resourceCount: number): void;
  onAck(stream: StreamInfo, typeUrl: string): void;
  /** Envoy refused a response; `message` is its own text. */
  onNack(stream: StreamInfo, typeUrl: string, message: string): void;
  /** `graceful`: the peer ended it or we did; false when the connection broke. */
  onClosed(stream: StreamInfo, graceful: boolean): void;
}
