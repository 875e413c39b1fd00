import { createHash } from 'node:crypto';
import { CLUSTER, ENDPOINT, LISTENER } from '../envoy/type-urls.ts';
import {
  type Doubts,
  type ErrorDetail,
  NO_DOUBTS,
  type Reaction,
  type StreamMachine,
  type XdsResponse,
} from './machine.ts';
import type { Step } from './order.ts';
import type { ProxySnapshot, ResourceMap, XdsResource } from './resource.ts';
import type { Difference, TypeState } from './stream/type-state.ts';
import { TypeStates } from './stream/type-states.ts';
import { subscribeSotw } from './subscription.ts';

/** The parts of a DiscoveryRequest the machine needs. */
export interface SotwRequest {
  readonly typeUrl: string;
  readonly names: readonly string[];
  readonly nonce: string;
  /** Of the newest response the client could use. */
  readonly version?: string;
  readonly error: ErrorDetail;
}

/**
 * The state-of-the-world variant. Responses for clusters and listeners are complete; those of the other types carry
 * only what the client does not have, and absence there means "unchanged" (xDS protocol, "Grouping Resources into
 * Responses").
 *
 * The first request of a type on a stream is always answered, even if the client repeats the version the cache holds:
 * the version tells what it accepted last, not what it took from a response it refused since (Envoy keeps the good
 * clusters of a refused response). An answer that changes nothing costs Envoy nothing. Delta is silent on a reconnect.
 */
export function createSotwMachine(): StreamMachine<SotwRequest> {
  return new SotwMachine();
}

class SotwMachine implements StreamMachine<SotwRequest> {
  readonly #states = new TypeStates();
  /** Clusters the client has, so that a removed one can stay in the response that comes before its removal. */
  readonly #clusters = new Map<string, XdsResource>();
  /** Clusters were sent since a repeated EDS request was answered. */
  #repeatDue = false;

  receive(request: SotwRequest): Reaction {
    const state = this.#states.of(request.typeUrl);
    const reaction = react(state, request);
    // An older nonce makes a request stale as an answer, not in its names: those are the client's newest word, for requests
    // come in order. Who answers only in step with the client may skip them; this server sends ahead, and with a change
    // in each round trip the names would never be heard (xDS protocol, "Resource updates"; envoy issue 10363).
    if (reaction.kind !== 'stale') this.#subscribe(state, request, reaction);
    this.#states.checkSize();
    return reaction;
  }

  next(snapshot: ProxySnapshot): XdsResponse | undefined {
    for (const step of this.#states.steps) {
      const { state } = step;
      const map = snapshot.get(step.typeUrl);
      const response = isComplete(step.typeUrl)
        ? this.#complete(step, state, map)
        : partial(step, state, map);
      if (response !== undefined) return response;
    }
    return undefined;
  }

  settled(snapshot: ProxySnapshot): boolean {
    return this.#states.settled(snapshot);
  }

  rejections(): ReadonlyMap<string, string> {
    return this.#states.rejections();
  }

  /** None: the first request of a type is answered in full, whatever the client says it has. */
  doubts(): Doubts {
    return NO_DOUBTS;
  }

  distrust(): void {}

  #subscribe(state: TypeState, request: SotwRequest, reaction: Reaction): void {
    const first = state.subscription === undefined;
    const change = subscribeSotw(state.subscription, state.typeUrl, request.names);
    state.subscribe(change);
    if (first || change.asked.length > 0 || change.wildcardAsked) state.answerOwed = true;
    // Envoy repeats its EDS request when a changed cluster warms anew; unanswered, the cluster stays warming for 15 s.
    const repeated = reaction.kind === 'subscribe' && request.nonce !== '' && state.typeUrl === ENDPOINT;
    if (repeated && this.#repeatDue && change.asked.length === 0 && change.dropped.length === 0) {
      for (const name of change.subscription.names) state.sendAgain(name);
      state.answerOwed = true;
      this.#repeatDue = false;
    }
  }

  #complete(step: Step, state: TypeState, map: ResourceMap | undefined): XdsResponse | undefined {
    const { changed, removed, absent } = state.difference(map);
    const gone = step.removals ? removed : [];
    state.markSent([], absent);
    const updates = step.updates && (changed.length > 0 || state.answerOwed);
    if (!updates && gone.length === 0) return undefined;
    // Clusters to be removed stay in this response; the one at the end of the order is without them.
    const kept = removed.filter((name) => !gone.includes(name)).map((name) => this.#clusters.get(name));
    const still = kept.filter((resource) => resource !== undefined);
    this.#note(state, changed, gone);
    if (step.typeUrl === CLUSTER && changed.length > 0) {
      this.#states.warm(changed);
      this.#repeatDue = true;
    }
    const version = still.length === 0 ? versionOf(map) : `${versionOf(map)}+${still.length}`;
    return {
      typeUrl: step.typeUrl,
      nonce: state.nextNonce(version),
      version,
      resources: [...state.subscribed(map), ...still],
      removed: [],
    };
  }

  #note(state: TypeState, changed: readonly XdsResource[], gone: readonly string[]): void {
    state.markSent(changed, gone);
    if (state.typeUrl !== CLUSTER) return;
    for (const resource of changed) this.#clusters.set(resource.name, resource);
    for (const name of gone) this.#clusters.delete(name);
  }
}

function react(state: TypeState, { nonce, error, version }: SotwRequest): Reaction {
  // The first request of a type on a stream answers nothing, whatever nonce it repeats from the last stream.
  if (state.subscription === undefined || nonce === '') return { kind: 'subscribe' };
  const known = state.classify(nonce);
  if (known === 'unknown') return { kind: 'stale' };
  if (known === 'repeated' && !state.mends(error, version)) return { kind: 'subscribe' };
  state.react(nonce, error);
  return error === undefined ? { kind: 'ack' } : { kind: 'nack', message: error };
}

function partial(step: Step, state: TypeState, map: ResourceMap | undefined): XdsResponse | undefined {
  if (!step.updates) return undefined;
  const { changed, removed, absent }: Difference = state.difference(map);
  // SotW cannot say that such a resource is gone: the client drops it with what referred to it.
  state.markSent(changed, [...removed, ...absent]);
  if (changed.length === 0 && !state.answerOwed) return undefined;
  const version = versionOf(map);
  return {
    typeUrl: step.typeUrl,
    nonce: state.nextNonce(version),
    version,
    resources: changed,
    removed: [],
  };
}

/** Types whose responses must list everything: what is missing is removed. */
function isComplete(typeUrl: string): boolean {
  return typeUrl === CLUSTER || typeUrl === LISTENER;
}

const NOTHING: ResourceMap = new Map();
const versions = new WeakMap<ResourceMap, string>();

/** A content hash over names and versions, so that it outlives a restart of the server; never ''. */
function versionOf(map: ResourceMap = NOTHING): string {
  let version = versions.get(map);
  if (version === undefined) {
    const lines = [...map.values()].map((resource) => `${resource.name}\0${resource.version}\n`).sort();
    version = createHash('sha256').update(lines.join('')).digest('hex').slice(0, 16);
    versions.set(map, version);
  }
  return version;
}
