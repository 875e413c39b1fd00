/** Time as modules receive it, so that tests can turn it. `now` is wall time in ms, `monotonic` never jumps. */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Runs `fn` once after `ms`, however long that is; the returned function cancels. Timers do not keep the process alive by themselves. */
  after(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    let rest = ms;
    let timer = wait();
    return () => clearTimeout(timer);

    function wait(): NodeJS.Timeout {
      const part = Math.min(rest, MAX_TIMEOUT_MS);
      rest -= part;
      return setTimeout(onTimeout, part).unref();
    }

    function onTimeout(): void {
      if (rest > 0) timer = wait();
      else fn();
    }
  },
};

/**
 * Time in ms until the next of the common ticks of this period: many who look at something each wake the process together,
 * once, instead of each at a time of its own. Whole ms: a timer that came a little early would come twice.
 */
export function untilTick({ monotonic }: Pick<Clock, 'monotonic'>, periodMs: number): number {
  return Math.ceil(periodMs - (monotonic() % periodMs));
}

/** Node counts timeouts in 31 bits, about 24.8 days, and runs what is set for longer at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
