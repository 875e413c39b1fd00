import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { endedInOrder } from './envoy/kept-process.ts';
import { listListening, untilQuiet } from './envoy/sockets.ts';
import type { RunningEnvoy } from './running-envoy.ts';

export interface RetireOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** When the child tells its parent to end. */
  readonly parentShutdownMs: number;
  /** It was retired by an agent before this one: its time may be over at any moment. */
  readonly begunBefore?: boolean;
  /** Monotonic: the child may have been live long before the agent saw it, so its own time may begin up to here. */
  readonly childStartedAt?: number;
}

/** How a parent went: told by its child, or on its own before that. */
export type Retirement = 'in-time' | 'early';

const LATE_MS = 2_000;
const GRACE_MS = 5_000;
/** Timers of two processes do not fire together. */
const SLACK_MS = 500;

/**
 * Waits for the end of a parent. It is the child that ends it, and nobody else may: a child that does not reach its
 * parent when the time comes tries for ten seconds and then aborts. Only a parent without child is ended here, once its
 * connections are gone, and one that outlived its time.
 */
export async function retireParent(
  parent: RunningEnvoy,
  child: RunningEnvoy,
  { clock, logger, parentShutdownMs, begunBefore = false, childStartedAt }: RetireOptions,
): Promise<Retirement> {
  const startedAt = clock.monotonic();
  // Its child serves on these; nobody may while that is dead and not yet replaced.
  const ports = listListening(parent.pid);
  const gone = new AbortController();
  let childLives = true;
  void child.exited.then(() => {
    childLives = false;
  });
  void parent.exited.then(() => gone.abort());
  const timeIsOver = new Promise<void>((resolve) => {
    const cancel = clock.after(parentShutdownMs + LATE_MS, resolve);
    gone.signal.addEventListener('abort', cancel, { once: true });
  });
  const alone = child.exited.then(() =>
    untilQuiet(parent.pid, { clock, timeoutMs: parentShutdownMs, signal: gone.signal, ports }),
  );
  await Promise.race([parent.exited, timeIsOver, alone]);
  const leftChild = gone.signal.aborted && childLives;
  const wentAt = clock.monotonic();
  const { reason } = await parent.end(GRACE_MS);
  // The parent's own word, where its log level lets it speak. Without it: one that its child ends is not killed by a
  // signal, and only then the time counts at which the child may have begun.
  const told = parent.tail().some((line) => line.includes('shutting down due to child request'));
  const begin = reason === 'exit code 0' ? (childStartedAt ?? startedAt) : startedAt;
  const tooSoon = !told && wentAt - begin < parentShutdownMs - SLACK_MS;
  const ms = Math.round(clock.monotonic() - startedAt);
  logger.info({ epoch: parent.epoch, pid: parent.pid, exit: reason, ms }, 'the old Envoy ended');
  return leftChild && (begunBefore ? !endedInOrder(reason) : tooSoon) ? 'early' : 'in-time';
}
