import type { Clock } from '../../lib/clock.ts';

export interface AdmissionOptions {
  /** Streams let in per second once the burst is used up. */
  readonly ratePerSecond: number;
  /** Streams let in at once after a quiet time. */
  readonly burst: number;
}

/** A token bucket with a queue: first come, first served. */
export interface Admission {
  /** Resolves when it is this caller's turn; rejects with the signal's reason when that comes first. */
  enter(signal: AbortSignal): Promise<void>;
  /** How many are waiting. */
  readonly waiting: number;
}

interface Waiter {
  readonly admit: () => void;
}

export function createAdmission({ ratePerSecond, burst }: AdmissionOptions, clock: Clock): Admission {
  if (!(ratePerSecond > 0) || !(burst >= 1)) {
    throw new RangeError(
      `admission needs a rate above 0 and a burst of 1 or more, got ${ratePerSecond} and ${burst}`,
    );
  }
  const queue = new Set<Waiter>();
  let tokens = burst;
  let filledAt = clock.monotonic();
  let armed = false;

  function admitDue(): void {
    const now = clock.monotonic();
    tokens = Math.min(burst, tokens + ((now - filledAt) / 1000) * ratePerSecond);
    filledAt = now;
    for (const waiter of queue) {
      if (tokens < 1) break;
      tokens -= 1;
      queue.delete(waiter);
      waiter.admit();
    }
    if (queue.size === 0 || armed) return;
    armed = true;
    clock.after(Math.max(1, ((1 - tokens) / ratePerSecond) * 1000), onTimer);
  }

  function onTimer(): void {
    armed = false;
    admitDue();
  }

  return {
    get waiting() {
      return queue.size;
    },
    enter(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const onAbort = () => {
          queue.delete(waiter);
          reject(signal.reason);
        };
        const waiter: Waiter = {
          admit() {
            signal.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        queue.add(waiter);
        admitDue();
      });
    },
  };
}
