import type { Clock } from '../../src/lib/clock.ts';

/** A clock that stands still until `advance`; timers due run in order of their time. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
  /** Sets the wall clock, as an operator or NTP does; `monotonic` and timers do not notice. */
  jump(ms: number): void;
  /** Timers not yet due. */
  readonly pending: number;
}

export function createFakeClock(startMs = Date.parse('2030-01-01T00:00:00Z')): FakeClock {
  let elapsed = 0;
  let jumped = 0;
  let nextId = 0;
  const timers = new Map<number, { at: number; fn: () => void }>();
  return {
    now: () => startMs + jumped + elapsed,
    monotonic: () => elapsed,
    after(ms, fn) {
      const id = nextId++;
      timers.set(id, { at: elapsed + ms, fn });
      return () => timers.delete(id);
    },
    advance(ms) {
      const end = elapsed + ms;
      for (;;) {
        const due = [...timers]
          .filter(([, t]) => t.at <= end)
          .sort(([i, a], [j, b]) => a.at - b.at || i - j)[0];
        if (due === undefined) break;
        timers.delete(due[0]);
        elapsed = Math.max(elapsed, due[1].at);
        due[1].fn();
      }
      elapsed = end;
    },
    jump(ms) {
      jumped += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}
