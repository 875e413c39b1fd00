const EVERY_MS = 50;
/** A timer may be so late on any host. */
const USUAL_MS = 20;

/**
 * Sums up the time in which this process itself did not run, as on a host that stands still or is short of CPU: nobody who
 * was waited for took it. The returned function ends the watch and tells the sum in ms.
 */
export function watchLostTime(): () => number {
  let lost = 0;
  let seen = performance.now();
  const look = () => {
    const now = performance.now();
    lost += Math.max(0, now - seen - EVERY_MS - USUAL_MS);
    seen = now;
  };
  const timer = setInterval(look, EVERY_MS);
  return () => {
    clearInterval(timer);
    look();
    return lost;
  };
}
