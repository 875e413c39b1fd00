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
  readonly #cancels = new Set<() => void>();

  constructor(union: Union, clock: Clock, lingerMs: number) {
    this.#union = union;
    this.#clock = clock;
    this.#lingerMs = lingerMs;
  }

  /** `onReleased` is called when names were given up. */
  keep(peer: Peer, isServed: () => boolean, onReleased: () => void): void {
    const names = [...peer.types.values()].flatMap(({ typeUrl, names, wildcard }) =>
      [...names, ...(wildcard ? [WILDCARD] : [])].map((name) => [typeUrl, name] as const),
    );
    const wait = () => {
      const cancel = this.#clock.after(this.#lingerMs, () => {
        this.#cancels.delete(cancel);
        if (!isServed()) return wait();
        for (const [typeUrl, name] of names) this.#union.remove(typeUrl, name);
        onReleased();
      });
      this.#cancels.add(cancel);
    };
    wait();
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
