/** Exponential backoff with full jitter above half: attempt n waits between half and all of min(max, base·2ⁿ). */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** In [0, 1); `Math.random` outside tests. */
  readonly random?: () => number;
}

export interface Backoff {
  /** Delay before the next attempt, in ms; grows with each call until `reset`. */
  next(): number;
  reset(): void;
}

export function createBackoff({ baseMs, maxMs, random = Math.random }: BackoffOptions): Backoff {
  if (!(baseMs > 0) || maxMs < baseMs)
    throw new RangeError(`backoff needs 0 < baseMs <= maxMs, got ${baseMs} and ${maxMs}`);
  let attempt = 0;
  return {
    next() {
      const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt++, 30));
      return ceiling / 2 + (ceiling / 2) * random();
    },
    reset() {
      attempt = 0;
    },
  };
}
