import { CLUSTER, ENDPOINT, LISTENER } from '../../../envoy/type-urls.ts';
import type { DeltaRequest, DeltaResponse } from '../codec/delta.ts';
import type { SotwRequest, SotwResponse } from '../codec/sotw.ts';
import { type Step, stepsFor } from './order.ts';
import { type Asked, PeerType } from './peer-type.ts';
import { assignmentOf, isComplete, type Resource, versionOfSet } from './resource.ts';
import type { View } from './view.ts';

export type Mode = 'delta' | 'sotw';

export type PeerResponse =
  | { readonly mode: 'delta'; readonly response: DeltaResponse }
  | { readonly mode: 'sotw'; readonly response: SotwResponse };

/** Where the responses for one Envoy go. While it is not writable nothing is sent, and updates coalesce. */
export interface PeerSink {
  readonly writable: boolean;
  send(message: PeerResponse): void;
}

/** What the relay decides for a peer. */
export interface PeerRules {
  view(typeUrl: string): View;
  mayAnswer(typeUrl: string): boolean;
}

/** What a request did. */
export interface Received {
  readonly typeUrl: string;
  readonly asked: Asked;
  /** The answer to one of our responses: what was refused, if it was a refusal. */
  readonly reaction: { readonly error: Uint8Array | undefined } | undefined;
}

export interface PeerOptions {
  /** Restart epoch of the Envoy. */
  readonly epoch: number;
  /** Later streams have higher numbers. */
  readonly number: number;
  readonly mode: Mode;
  readonly sink: PeerSink;
}

const NO_REST = new Uint8Array(0);
const NOTHING_ASKED: Asked = { added: [], dropped: [] };
/** More types and names than any proxy uses, and a bound on what one stream can make us remember. */
const MAX_TYPES = 32;
const MAX_NAMES = 100_000;

/** Asked for more than any Envoy needs. */
export class PeerLimitError extends Error {
  override readonly name = 'PeerLimitError';
}

/** The ADS stream of one Envoy as a state machine: what it asked for, what it was sent, what it took. */
export class Peer {
  readonly epoch: number;
  readonly number: number;
  readonly mode: Mode;
  readonly sink: PeerSink;
  readonly types = new Map<string, PeerType>();
  /** Envoy has its listeners: it serves. */
  live = false;
  /** It came with a configuration from an earlier stream. */
  brought = false;
  #steps: readonly Step[] = [];

  constructor({ epoch, number, mode, sink }: PeerOptions) {
    this.epoch = epoch;
    this.number = number;
    this.mode = mode;
    this.sink = sink;
  }

  receiveDelta(request: DeltaRequest, rules: PeerRules): Received {
    const type = this.#type(request.typeUrl);
    if (request.initialVersions.size > 0) this.brought = true;
    const asked = type.askDelta(request, rules.view(request.typeUrl));
    this.#checkSize(type);
    const reacted = type.sent.classify(request.responseNonce) === 'open';
    if (reacted) type.react(request.responseNonce, request.errorDetail);
    if (type.typeUrl === LISTENER && (reacted || request.initialVersions.size > 0)) this.live = true;
    return {
      typeUrl: request.typeUrl,
      asked,
      reaction: reacted ? { error: request.errorDetail } : undefined,
    };
  }

  receiveSotw(request: SotwRequest): Received {
    const first = !this.types.has(request.typeUrl);
    const type = this.#type(request.typeUrl);
    if (first && request.versionInfo !== '') this.brought = true;
    const { responseNonce: nonce, typeUrl } = request;
    const known = first ? 'unknown' : type.sent.classify(nonce);
    const reaction = known === 'open' ? { error: request.errorDetail } : undefined;
    const newest = type.sent.isNewest(nonce);
    if (known === 'open') type.react(nonce, request.errorDetail);
    if (typeUrl === LISTENER && (known === 'open' || (first && request.versionInfo !== ''))) this.live = true;
    // Requests come in order: the names of the newest one count, whatever response it answers.
    const asked = first || nonce === '' || known !== 'unknown' ? type.askSotw(request) : NOTHING_ASKED;
    this.#checkSize(type);
    const isRepeated = known === 'past' && newest && asked.added.length + asked.dropped.length === 0;
    if (isRepeated && type.repeatDue) {
      type.repeatDue = false;
      for (const name of type.names) type.sendAgain(name);
    }
    return { typeUrl, asked, reaction };
  }

  /** The most urgent response; one that is given is one that is sent. */
  next(rules: PeerRules): PeerResponse | undefined {
    for (const step of this.#steps) {
      const type = this.types.get(step.typeUrl);
      if (type === undefined || !type.subscribed || !rules.mayAnswer(step.typeUrl)) continue;
      const view = rules.view(step.typeUrl);
      const response = this.mode === 'delta' ? this.#delta(step, type, view) : this.#sotw(step, type, view);
      if (response !== undefined) return response;
    }
    return undefined;
  }

  #delta(step: Step, type: PeerType, view: View): PeerResponse | undefined {
    const { changed, removed, absent } = type.difference(view);
    const resources = step.updates ? changed : [];
    const gone = [...(step.updates ? absent : []), ...(step.removals ? removed : [])];
    const owed = step.updates && type.owed && view.complete;
    if (resources.length === 0 && gone.length === 0 && !owed) return undefined;
    if (step.updates) type.owed = false;
    const nonce = type.markSent(resources, gone);
    if (type.typeUrl === CLUSTER) this.#warm(resources);
    return {
      mode: 'delta',
      response: {
        systemVersionInfo: '',
        resources: resources.map(toDeltaResource),
        typeUrl: type.typeUrl,
        removed: gone,
        nonce,
        rest: NO_REST,
      },
    };
  }

  #sotw(step: Step, type: PeerType, view: View): PeerResponse | undefined {
    if (!step.updates) return undefined;
    const { changed, removed, absent } = type.difference(view);
    const complete = isComplete(type.typeUrl);
    if (!complete || absent.length > 0) type.passOver(complete ? absent : [...removed, ...absent]);
    const owed = type.owed && view.complete;
    if (changed.length === 0 && !owed && !(complete && removed.length > 0)) return undefined;
    type.owed = false;
    const all = type.wildcard ? [...view.all()] : [...type.names].flatMap((name) => view.get(name) ?? []);
    const nonce = complete ? type.markSent(all, removed) : type.markSent(changed, []);
    if (type.typeUrl === CLUSTER) this.#warm(changed);
    return {
      mode: 'sotw',
      response: {
        versionInfo: versionOfSet(all),
        resources: (complete ? all : changed).flatMap(({ any }) => any ?? []),
        typeUrl: type.typeUrl,
        nonce,
        rest: NO_REST,
      },
    };
  }

  /** The assignment of a cluster follows it at once, changed or not. */
  #warm(clusters: readonly Resource[]): void {
    const endpoints = this.types.get(ENDPOINT);
    if (endpoints === undefined || clusters.length === 0) return;
    for (const cluster of clusters) endpoints.sendAgain(assignmentOf(cluster));
    endpoints.repeatDue = true;
  }

  #type(typeUrl: string): PeerType {
    const known = this.types.get(typeUrl);
    if (known !== undefined) return known;
    if (typeUrl === '') throw new PeerLimitError('a request that names no type');
    if (this.types.size >= MAX_TYPES) throw new PeerLimitError(`more than ${MAX_TYPES} types on one stream`);
    const type = new PeerType(typeUrl);
    this.types.set(typeUrl, type);
    this.#steps = stepsFor(this.types.keys());
    return type;
  }

  #checkSize({ typeUrl, names }: PeerType): void {
    if (names.size > MAX_NAMES) throw new PeerLimitError(`more than ${MAX_NAMES} names of ${typeUrl}`);
  }
}

function toDeltaResource({ name, version, any, rest }: Resource): DeltaResponse['resources'][number] {
  return { name, version, ...(any === undefined ? {} : { any }), rest };
}
