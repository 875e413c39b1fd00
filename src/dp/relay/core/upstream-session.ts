import type { DeltaRequest } from '../codec/delta.ts';
import type { SotwRequest } from '../codec/sotw.ts';
import type { Mode } from './peer.ts';
import { WILDCARD } from './peer-type.ts';
import { isComplete } from './resource.ts';
import type { UnionChange } from './union.ts';

export type UpstreamRequest =
  | { readonly mode: 'delta'; readonly request: DeltaRequest }
  | { readonly mode: 'sotw'; readonly request: SotwRequest };

/** Where requests to the control plane go. */
export interface UpstreamSink {
  send(message: UpstreamRequest): void;
}

/** What is claimed of one type when a stream begins. */
export interface Claim {
  /** Delta: name → version at the control plane. */
  readonly versions: ReadonlyMap<string, string>;
  /** SotW: version of the whole set, '' when not all of it was accepted. */
  readonly setVersion: string;
}

/** How one response is answered. */
export interface Answer {
  readonly typeUrl: string;
  readonly nonce: string;
  /** SotW: version of the response answered. */
  readonly versionInfo: string;
  /** Encoded status of a refusal. */
  readonly error: Uint8Array | undefined;
}

interface TypeSession {
  /** Delta and SotW: names without the wildcard. */
  readonly names: Set<string>;
  wildcard: boolean;
  /** SotW: of the newest response. */
  nonce: string;
  /** SotW: of the newest response that was accepted. */
  accepted: string;
}

const NO_REST = new Uint8Array(0);
const NO_VERSIONS: ReadonlyMap<string, string> = new Map();

/** One stream to the control plane from its first request to its end: how subscriptions and answers are said. */
export class UpstreamSession {
  readonly mode: Mode;
  readonly #sink: UpstreamSink;
  readonly #types = new Map<string, TypeSession>();
  #node: Uint8Array | undefined;

  /** `node` goes out with the first request. */
  constructor(mode: Mode, sink: UpstreamSink, node: Uint8Array | undefined) {
    this.mode = mode;
    this.#sink = sink;
    this.#node = node;
  }

  /** First request of a type, with what is left of the last stream. */
  start(typeUrl: string, names: Iterable<string>, claim: Claim): void {
    const type: TypeSession = {
      names: new Set(names),
      wildcard: false,
      nonce: '',
      accepted: claim.setVersion,
    };
    type.wildcard = type.names.delete(WILDCARD);
    this.#types.set(typeUrl, type);
    if (this.mode === 'sotw') {
      this.#sendNames(typeUrl, type);
      return;
    }
    // Everything by the older rule, which all control planes know; named only beside other names.
    const legacy = type.wildcard && type.names.size === 0 && isComplete(typeUrl);
    const subscribe = legacy ? [] : [...(type.wildcard ? [WILDCARD] : []), ...type.names];
    this.#sendDelta(typeUrl, { subscribe, initialVersions: claim.versions });
  }

  change({ typeUrl, subscribe, unsubscribe }: UnionChange, claim: Claim): void {
    const type = this.#types.get(typeUrl);
    if (type === undefined) {
      this.start(typeUrl, subscribe, claim);
      return;
    }
    for (const name of subscribe) type.names.add(name);
    for (const name of unsubscribe) type.names.delete(name);
    if (subscribe.includes(WILDCARD)) type.wildcard = true;
    if (unsubscribe.includes(WILDCARD)) type.wildcard = false;
    type.names.delete(WILDCARD);
    if (this.mode === 'delta') this.#sendDelta(typeUrl, { subscribe, unsubscribe });
    else this.#sendNames(typeUrl, type);
  }

  /** SotW answers carry the newest nonce only; older ones are void. */
  received(typeUrl: string, nonce: string): void {
    const type = this.#types.get(typeUrl);
    if (type !== undefined) type.nonce = nonce;
  }

  answer({ typeUrl, nonce, versionInfo, error }: Answer): void {
    if (this.mode === 'delta') {
      const errorDetail = error === undefined ? {} : { errorDetail: error };
      this.#sendDelta(typeUrl, { responseNonce: nonce, ...errorDetail });
      return;
    }
    const type = this.#types.get(typeUrl);
    if (type === undefined || type.nonce !== nonce) return;
    if (error === undefined) type.accepted = versionInfo;
    this.#sendNames(typeUrl, type, error);
  }

  #sendNames(typeUrl: string, type: TypeSession, error?: Uint8Array): void {
    const { names, wildcard, nonce, accepted } = type;
    const legacy = wildcard && names.size === 0 && isComplete(typeUrl);
    const request: SotwRequest = {
      versionInfo: accepted,
      ...this.#takeNode(),
      resourceNames: legacy ? [] : [...(wildcard ? [WILDCARD] : []), ...names],
      typeUrl,
      responseNonce: nonce,
      ...(error === undefined ? {} : { errorDetail: error }),
      rest: NO_REST,
    };
    this.#sink.send({ mode: 'sotw', request });
  }

  #sendDelta(typeUrl: string, part: Partial<DeltaRequest>): void {
    const request: DeltaRequest = {
      ...this.#takeNode(),
      typeUrl,
      subscribe: [],
      unsubscribe: [],
      initialVersions: NO_VERSIONS,
      responseNonce: '',
      rest: NO_REST,
      ...part,
    };
    this.#sink.send({ mode: 'delta', request });
  }

  #takeNode(): { node?: Uint8Array } {
    const node = this.#node;
    this.#node = undefined;
    return node === undefined ? {} : { node };
  }
}
