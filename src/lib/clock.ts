/** Time as modules receive it, so that tests can turn it. `now` is wall time in ms, `monotonic` never jumps. */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Runs `fn` once after `ms`; the returned function cancels. Timers do not keep the process alive by themselves. */
  after(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
