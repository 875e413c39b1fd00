import { ENDPOINT } from '../../envoy/type-urls.ts';
import { ProtocolError } from '../machine.ts';
import { type Step, stepsFor } from '../order.ts';
import type { ProxySnapshot, XdsResource } from '../resource.ts';
import { assignmentOf } from '../wire/references.ts';
import { TypeState } from './type-state.ts';

/** More types than any proxy uses, and a bound on what one stream can make us remember. */
const MAX_TYPES = 32;
const MAX_NAMES = 100_000;

/** A step with the state of its type on one stream. */
export interface StateStep extends Step {
  readonly state: TypeState;
}

/** The types of one stream, in the order of sending. */
export class TypeStates {
  readonly #states = new Map<string, TypeState>();
  #steps: readonly StateStep[] = [];

  /** The state of a type, made when it is named for the first time. */
  of(typeUrl: string): TypeState {
    const known = this.#states.get(typeUrl);
    if (known !== undefined) return known;
    if (typeUrl === '') throw new ProtocolError('INVALID_ARGUMENT', 'request names no type_url');
    if (this.#states.size >= MAX_TYPES) {
      throw new ProtocolError(
        'RESOURCE_EXHAUSTED',
        `more than ${MAX_TYPES} resource types on one stream, at ${typeUrl}`,
      );
    }
    const state = new TypeState(typeUrl);
    this.#states.set(typeUrl, state);
    this.#steps = stepsFor(this.#states.keys()).map((step) => ({ ...step, state: this.of(step.typeUrl) }));
    return state;
  }

  /** Throws when the stream subscribed to more names than any proxy needs; for requests that may add some. */
  checkSize(): void {
    let names = 0;
    for (const state of this.#states.values()) names += state.subscription?.names.size ?? 0;
    if (names > MAX_NAMES) {
      throw new ProtocolError(
        'RESOURCE_EXHAUSTED',
        `${names} resource names on one stream, the limit is ${MAX_NAMES}`,
      );
    }
  }

  get steps(): readonly StateStep[] {
    return this.#steps;
  }

  /**
   * A cluster that was sent warms until its assignment arrives, changed or not (Envoy waits 15 s for it and asks for
   * nothing it is already subscribed to): the assignment follows at once, without waiting for any ACK.
   */
  warm(clusters: readonly XdsResource[]): void {
    for (const cluster of clusters) {
      const name = assignmentOf(cluster);
      if (name !== undefined) this.of(ENDPOINT).sendAgain(name);
    }
  }

  settled(snapshot: ProxySnapshot): boolean {
    if (this.#states.size === 0) return false;
    for (const state of this.#states.values()) {
      if (!state.quiet) return false;
      const { changed, removed, absent } = state.difference(snapshot.get(state.typeUrl));
      if (changed.length + removed.length + absent.length > 0) return false;
    }
    return true;
  }

  has(typeUrl: string): boolean {
    return this.#states.has(typeUrl);
  }

  /** By type; types without any are left out. */
  doubts(): ReadonlyMap<string, ReadonlySet<string>> {
    const out = new Map<string, ReadonlySet<string>>();
    for (const state of this.#states.values()) {
      const names = state.doubts();
      if (names.size > 0) out.set(state.typeUrl, names);
    }
    return out;
  }

  rejections(): ReadonlyMap<string, string> {
    const out = new Map<string, string>();
    for (const { typeUrl, rejection } of this.#states.values())
      if (rejection !== undefined) out.set(typeUrl, rejection);
    return out;
  }
}
