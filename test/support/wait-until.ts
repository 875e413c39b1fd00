import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Generous: it is only reached when the test fails. Default 30 s. */
  readonly timeoutMs?: number;
  /** What is waited for, for the message: `the proxy to be ready`. A function is asked at the end, to tell the last state. */
  readonly describe?: string | (() => string);
}

/**
 * Asks `condition` until it gives something truthy, and returns that. A condition that throws counts as not yet; the
 * last error is the cause when time is over.
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 30_000, describe = 'the condition' }: WaitOptions = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 50)) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) {
      const what = typeof describe === 'string' ? describe : describe();
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause });
    }
    await sleep(pauseMs);
  }
}
