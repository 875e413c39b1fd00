import type { Clock } from './clock.ts';

const PARTS = 8;

/**
 * Runs `fn` once, when somebody was waited for in vain for `ms`; the returned function cancels. Time in which this
 * process did not run, on a host that was suspended or is too busy, is not held against the other, whose answer could
 * not be read then: the wait is cut into parts, and one that takes long counts for no more than the others.
 */
export function afterPatience(
  ms: number,
  fn: () => void,
  { after }: Pick<Clock, 'after'> = timers,
): () => void {
  let rest = ms;
  let cancel = wait();
  return () => cancel();

  function wait(): () => void {
    const part = Math.min(rest, Math.ceil(ms / PARTS));
    rest -= part;
    return after(part, onPart);
  }

  function onPart(): void {
    if (rest > 0) cancel = wait();
    else fn();
  }
}

/** These keep the process alive, other than those of the system's clock. */
const timers: Pick<Clock, 'after'> = {
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};
