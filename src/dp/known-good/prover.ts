import type { Clock } from '../../lib/clock.ts';

/** Finds out what is good: what a serving Envoy accepted and still serves with after a while. */
export interface Prover<T> {
  /** Envoy has this now. What it had before may still prove good. */
  offer(value: T): void;
  /** Envoy ended: whatever was not proven yet may have been the cause. */
  disprove(): void;
}

/**
 * Calls `onProven` with a value some time after it was offered, unless Envoy ends before. While a stream of new values
 * comes in, every so often one of them is proven: a configuration that changes all the time is saved too.
 */
export function createProver<T>(options: {
  readonly clock: Clock;
  readonly afterMs: number;
  readonly onProven: (value: T) => void;
}): Prover<T> {
  const { clock, afterMs, onProven } = options;
  let oldest: Offer<T> | undefined;
  let newest: Offer<T> | undefined;
  let cancel = (): void => {};
  const wait = (): void => {
    if (oldest === undefined) return;
    cancel = clock.after(Math.max(0, oldest.at + afterMs - clock.monotonic()), () => {
      const proven = oldest;
      oldest = newest;
      newest = undefined;
      wait();
      if (proven !== undefined) onProven(proven.value);
    });
  };
  return {
    offer(value) {
      const offer = { value, at: clock.monotonic() };
      if (oldest === undefined) {
        oldest = offer;
        wait();
      } else {
        newest = offer;
      }
    },
    disprove() {
      cancel();
      oldest = undefined;
      newest = undefined;
    },
  };
}

interface Offer<T> {
  readonly value: T;
  /** Monotonic ms. */
  readonly at: number;
}
