import type { Clock } from '../../../lib/clock.ts';
import type { Peer } from './peer.ts';
import { WILDCARD } from './peer-type.ts';
import type { Union } from './union.ts';

/**
 * Keeps what an Envoy asked for subscribed after it left, so that its successor finds it fresh. It is given up only
 * while another Envoy serves, which has said what is needed: without one the configuration is kept for the next.
 */
export class Lingering {
  readonly #union: Union;
  readonly #clock: Clock;
  readonly #lingerMs: number;
  readonly #left = new Set<Left>();

  constructor(union: Union, clock: Clock, lingerMs: number) {
    this.#union = union;
    this.#clock = clock;
    this.#lingerMs = lingerMs;
  }

  /**
   * `onReleased` is called when names were given up. What one that left before holds as well is held once: Envoys that
   * crash one after the other, and never serve, would fill the memory otherwise.
   */
  keep(peer: Peer, isServed: () => boolean, onReleased: () => void): void {
    const held = new Map<string, Set<string>>();
    for (const { typeUrl, names, wildcard } of peer.types.values()) {
      if (names.size > 0 || wildcard) held.set(typeUrl, new Set([...names, ...(wildcard ? [WILDCARD] : [])]));
    }
    for (const older of [...this.#left]) this.#takeOver(older, held);
    const left: Left = { held, cancel: () => {} };
    const wait = () => {
      left.cancel = this.#clock.after(this.#lingerMs, () => {
        if (!isServed()) return wait();
        this.#left.delete(left);
        for (const [typeUrl, names] of held) for (const name of names) this.#union.remove(typeUrl, name);
        onReleased();
      });
    };
    this.#left.add(left);
    wait();
  }

  #takeOver(older: Left, held: ReadonlyMap<string, ReadonlySet<string>>): void {
    for (const [typeUrl, names] of older.held) {
      for (const name of names) {
        if (held.get(typeUrl)?.has(name) !== true) continue;
        names.delete(name);
        this.#union.remove(typeUrl, name);
      }
      if (names.size === 0) older.held.delete(typeUrl);
    }
    if (older.held.size > 0) return;
    older.cancel();
    this.#left.delete(older);
  }

  stop(): void {
    for (const { cancel } of this.#left) cancel();
    this.#left.clear();
  }
}

/** What one Envoy asked for, by type. */
interface Left {
  readonly held: Map<string, Set<string>>;
  cancel: () => void;
}
