import type { Clock } from '../../lib/clock.ts';

/** Lets a few through at a time. */
export interface Gate {
  /** Resolves when it is this one's turn, to what is called when the next may come. More than one call does nothing. */
  enter(): Promise<() => void>;
}

export interface GateOptions {
  readonly places: number;
  /** Who takes longer is not waited for, in ms. */
  readonly mostMs: number;
  readonly clock: Clock;
}

export function createGate({ places, mostMs, clock }: GateOptions): Gate {
  let free = places;
  const waiting: (() => void)[] = [];
  const begin = (): (() => void) => {
    let inside = true;
    const leave = (): void => {
      if (!inside) return;
      inside = false;
      cancel();
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    };
    const cancel = clock.after(mostMs, leave);
    return leave;
  };
  return {
    enter() {
      if (free > 0) {
        free--;
        return Promise.resolve(begin());
      }
      return new Promise((resolve) => waiting.push(() => resolve(begin())));
    },
  };
}
