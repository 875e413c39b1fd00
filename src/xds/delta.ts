import { CLUSTER, LISTENER } from '../envoy/type-urls.ts';
import type { ErrorDetail, Reaction, StreamMachine, XdsResponse } from './machine.ts';
import type { ResourceMap, XdsResource } from './resource.ts';
import { NO_DIFFERENCE, type TypeState } from './stream/type-state.ts';
import { type StateStep, TypeStates } from './stream/type-states.ts';
import { subscribeDelta } from './subscription.ts';

/** The parts of a DeltaDiscoveryRequest the machine needs. */
export interface DeltaRequest {
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name → version the client kept from its last stream; looked at in the first request of a type only. */
  readonly initialVersions: ReadonlyMap<string, string>;
  readonly nonce: string;
  readonly error: ErrorDetail;
}

/**
 * Resource bytes in one response of a type that is not needed whole. Clusters and listeners are never split: Envoy
 * takes their first response for the complete initial set.
 */
const SPLIT_BYTES = 4 * 1024 * 1024;

/** The incremental variant: each response carries only what the client does not have. */
export function createDeltaMachine(): StreamMachine<DeltaRequest> {
  const states = new TypeStates();
  const distrusted = new Map<string, ReadonlySet<string>>();
  return {
    receive(request) {
      const state = states.of(request.typeUrl);
      subscribe(state, request);
      distrust(state);
      if (request.subscribe.length > 0) states.checkSize();
      return react(state, request);
    },
    next(snapshot) {
      for (const step of states.steps) {
        const response = respond(states, step, snapshot.get(step.typeUrl));
        if (response !== undefined) return response;
      }
      return undefined;
    },
    settled: (snapshot) => states.settled(snapshot),
    rejections: () => states.rejections(),
    doubts: () => new Map([...distrusted, ...states.doubts()]),
    distrust(doubts) {
      for (const [typeUrl, names] of doubts) distrusted.set(typeUrl, names);
      for (const typeUrl of doubts.keys()) if (states.has(typeUrl)) distrust(states.of(typeUrl));
    },
  };

  /** Once a type is asked for; before that there is nobody to send it to. */
  function distrust(state: TypeState): void {
    const names = distrusted.get(state.typeUrl);
    if (names === undefined) return;
    distrusted.delete(state.typeUrl);
    state.distrust(names);
  }
}

/** In delta names count whatever the nonce says: they are changes, and none may be lost. */
function subscribe(state: TypeState, request: DeltaRequest): void {
  const first = state.subscription === undefined;
  const change = subscribeDelta(state.subscription, state.typeUrl, request);
  state.subscribe(change);
  if (first) for (const [name, version] of request.initialVersions) state.claim(name, version);
  // A client that kept resources is initialised: "nothing new" needs no words. One that has none waits for an answer.
  if (change.wildcardAsked && !(first && request.initialVersions.size > 0)) state.answerOwed = true;
}

function react(state: TypeState, { nonce, error }: DeltaRequest): Reaction {
  if (nonce === '') return { kind: 'subscribe' };
  const known = state.classify(nonce);
  if (known === 'unknown' || (known === 'repeated' && !state.mends(error))) return { kind: 'stale' };
  state.react(nonce, error);
  return error === undefined ? { kind: 'ack' } : { kind: 'nack', message: error };
}

function respond(states: TypeStates, step: StateStep, map: ResourceMap | undefined): XdsResponse | undefined {
  const { state } = step;
  const difference = state.difference(map);
  if (difference === NO_DIFFERENCE && !state.answerOwed) return undefined;
  const { changed, removed, absent } = difference;
  const resources = step.updates ? firstOf(step.typeUrl, changed) : [];
  const gone = [...(step.updates ? absent : []), ...(step.removals ? removed : [])];
  const owed = step.updates && state.answerOwed;
  if (resources.length === 0 && gone.length === 0 && !owed) return undefined;
  state.markSent(resources, gone);
  if (resources.length === changed.length && gone.length === removed.length + absent.length)
    state.markSynced(map);
  if (step.typeUrl === CLUSTER) states.warm(resources);
  return { typeUrl: step.typeUrl, nonce: state.nextNonce(), version: '', resources, removed: gone };
}

function firstOf(typeUrl: string, changed: readonly XdsResource[]): readonly XdsResource[] {
  if (typeUrl === CLUSTER || typeUrl === LISTENER) return changed;
  let bytes = 0;
  const end = changed.findIndex((resource) => {
    bytes += resource.framed.length;
    return bytes > SPLIT_BYTES;
  });
  return end < 0 ? changed : changed.slice(0, Math.max(1, end));
}
