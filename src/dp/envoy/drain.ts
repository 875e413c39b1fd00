import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../lib/logger.ts';
import type { AdminClient } from './admin-client.ts';
import { CONNECTIONS_PATH, countConnections, LISTENERS_PATH, parseUncounted } from './connections.ts';

export interface DrainOptions {
  readonly admin: AdminClient;
  /** Longest time for it all, in ms. */
  readonly drainTimeMs: number;
  /** Aborted by a second stop signal: no more waiting. */
  readonly hurry: AbortSignal;
  readonly logger: Logger;
  /** Waits for the end of connections as the kernel sees them, for so long at most: where Envoy does not answer. */
  readonly untilQuiet: (timeoutMs: number) => Promise<void>;
}

/** Load balancers that poll Envoy's health need two polls to see that it goes. */
const NOTICE_MS = 1_000;
const POLL_MS = 100;

/**
 * Lets connections end: health fails and every response says `Connection: close`, while listeners go on accepting
 * until Envoy's own drain time is over. Returns when no connection is left, when the time is over, or when hurried;
 * ending Envoy is left to the caller. One that does not answer, as on a host that is short of time, may serve all the same.
 */
export async function drainEnvoy(options: DrainOptions): Promise<void> {
  const { admin, drainTimeMs, hurry, logger, untilQuiet } = options;
  const deadline = performance.now() + drainTimeMs;
  /** Twice: a host that stands still makes one question fail, and clients of an Envoy that was not told are cut. */
  const ask = (method: 'get' | 'post', path: string) =>
    admin[method](path).catch((error: unknown) => {
      if (hurry.aborted) throw error;
      return admin[method](path);
    });
  try {
    const uncounted = parseUncounted((await ask('get', LISTENERS_PATH)).body);
    await ask('post', '/healthcheck/fail');
    // Without skip_exit Envoy 1.37 and newer would exit by itself at the end.
    await ask('post', '/drain_listeners?graceful&skip_exit');
    await delay(Math.min(NOTICE_MS, drainTimeMs), undefined, { signal: hurry });
    for (;;) {
      const left = countConnections((await ask('get', CONNECTIONS_PATH)).body, uncounted);
      if (left === 0) return logger.info({}, 'no connections left');
      if (performance.now() >= deadline)
        return logger.warn({ connections: left }, 'drain time is over; connections are cut');
      await delay(POLL_MS, undefined, { signal: hurry });
    }
  } catch (error) {
    if (hurry.aborted) return logger.warn({}, 'asked to hurry; connections are cut');
    const cause = error instanceof Error ? error.message : String(error);
    logger.warn({ cause }, 'Envoy does not answer; its connections are waited for without its word');
    await untilQuiet(Math.max(0, deadline - performance.now()));
  }
}
