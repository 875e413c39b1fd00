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

/** Node counts timeouts in 31 bits, about 24.8 days, and runs what is set for longer at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
