import type { ProxySnapshot, XdsResource } from './resource.ts';

/** One response, not yet encoded. */
export interface XdsResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  /** SotW `version_info`; '' in delta. */
  readonly version: string;
  readonly resources: readonly XdsResource[];
  /** Delta only. */
  readonly removed: readonly string[];
}

/** What a request meant. `stale` requests change nothing: a newer one is on its way. */
export type Reaction =
  | { readonly kind: 'subscribe' | 'ack' | 'stale' }
  | { readonly kind: 'nack'; readonly message: string };

/**
 * One stream as a state machine without I/O: requests go in, and `next` gives the most urgent response owed until
 * nothing is. A response given is a response sent. Who cannot write now asks later and gets what is true then, so
 * updates coalesce by themselves.
 */
export interface StreamMachine<Request> {
  receive(request: Request): Reaction;
  next(snapshot: ProxySnapshot): XdsResponse | undefined;
  /** The client has all of `snapshot` it asked for, and acknowledged it. */
  settled(snapshot: ProxySnapshot): boolean;
  /** Why the client refused what it was last sent, by type; empty when it refuses nothing. */
  rejections(): ReadonlyMap<string, string>;
  /** What the next stream of this client has to be told of its claims when this one ends now. */
  doubts(): Doubts;
  /** The doubts of the client's stream before: they hold until it accepts a response with those names. */
  distrust(doubts: Doubts): void;
}

/** By type, names of resources of which nobody knows which version the client has. */
export type Doubts = ReadonlyMap<string, ReadonlySet<string>>;

export const NO_DOUBTS: Doubts = new Map();

/** Error text of a request, undefined for one that refuses nothing. */
export type ErrorDetail = string | undefined;

/** The client broke the protocol or a limit: its stream ends. */
export class ProtocolError extends Error {
  readonly code: 'INVALID_ARGUMENT' | 'RESOURCE_EXHAUSTED';
  override readonly name = 'ProtocolError';

  constructor(code: 'INVALID_ARGUMENT' | 'RESOURCE_EXHAUSTED', message: string) {
    super(message);
    this.code = code;
  }
}
