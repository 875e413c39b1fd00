import { setTimeout as delay } from 'node:timers/promises';
import { type Backoff, createBackoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { StopRequest } from '../lib/stop-signals.ts';
import type { AgentError } from './agent-error.ts';
import type { EnvoyProcess } from './envoy/process.ts';
import { describeRefused, type Readiness } from './readiness/latches.ts';
import type { Monitor } from './readiness/monitor.ts';
import type { Machine } from './state/machine.ts';

/** What the supervisor does to an Envoy, without knowing how. */
export interface EnvoyControl {
  /** Looks at everything that would make a start fail; the reason, or undefined. */
  check(signal: AbortSignal): Promise<AgentError | undefined>;
  start(): EnvoyProcess;
  watch(envoy: EnvoyProcess, onChange: (readiness: Readiness) => void): Monitor;
  /** Text of the newest refusal, for people; '' when none is known. */
  lastRefusal(): string;
  /** Leaves the mesh and lets connections end. */
  drain(hurry: AbortSignal): Promise<void>;
}

export interface SupervisorOptions {
  readonly control: EnvoyControl;
  readonly machine: Machine;
  readonly stop: StopRequest;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly restartBaseMs: number;
  readonly restartMaxMs: number;
  readonly random?: () => number;
}

/** From a cold page cache Envoy was measured to take over 4 s until its admin interface answers. */
const ANSWER_TIMEOUT_MS = 30_000;
/** After this long in service the next crash is a new story. */
const HEALTHY_MS = 60_000;
const END_GRACE_MS = 5_000;
const HURRIED_GRACE_MS = 200;

/**
 * Keeps an Envoy running until asked to stop, then ends it; returns with no Envoy left. Throws only when the very
 * first start is refused: later the same fault is waited out, since a proxy that served must not be given up.
 */
export async function superviseEnvoy(options: SupervisorOptions): Promise<void> {
  const { control, machine, stop, restartBaseMs, restartMaxMs, random } = options;
  const backoff = createBackoff({
    baseMs: restartBaseMs,
    maxMs: restartMaxMs,
    ...(random === undefined ? {} : { random }),
  });
  for (let started = false; !stop.graceful.aborted; ) {
    const problem = await control.check(stop.graceful);
    if (stop.graceful.aborted) return;
    if (problem !== undefined && !started) throw problem;
    const reason = problem === undefined ? await runUntilExit(options, backoff) : problem.message;
    started = true;
    if (stop.graceful.aborted) return;
    const delayMs = Math.round(backoff.next());
    machine.dispatch({ event: 'exited', reason, delayMs });
    await delay(delayMs, undefined, { signal: stop.graceful }).catch(() => undefined);
    machine.dispatch({ event: 'restart-due' });
  }
}

/** One Envoy from its start to its end; returns why it ended. */
async function runUntilExit(options: SupervisorOptions, backoff: Backoff): Promise<string> {
  const { control, machine, stop, clock, logger } = options;
  const envoy = control.start();
  machine.dispatch({ event: 'spawned', pid: envoy.pid });
  let readyAt: number | undefined;
  const monitor = control.watch(envoy, ({ latched, refused }) => {
    if (!latched) return;
    readyAt ??= clock.monotonic();
    const reason = [describeRefused(refused), control.lastRefusal()].filter((part) => part !== '').join(': ');
    machine.dispatch(refused.length === 0 ? { event: 'serving' } : { event: 'refused', reason });
  });
  let silent = false;
  const cancelTimeout = clock.after(ANSWER_TIMEOUT_MS, () => {
    silent = monitor.answeredAt === undefined;
    if (silent) envoy.kill('SIGKILL');
  });
  try {
    const stopped = await Promise.race([envoy.exited.then(() => false), aborted(stop.graceful)]);
    if (stopped) await endEnvoy(envoy, { control, hurry: stop.immediate, clock });
    const { reason } = await envoy.exited;
    if (readyAt !== undefined && clock.monotonic() - readyAt > HEALTHY_MS) backoff.reset();
    if (stopped) logger.info({ exit: reason }, 'Envoy ended');
    return silent ? `its admin interface was silent for ${ANSWER_TIMEOUT_MS / 1000} s` : reason;
  } finally {
    cancelTimeout();
    monitor.stop();
  }
}

/** Drains, unless Envoy dies meanwhile, then ends it; a second signal cuts both short. */
async function endEnvoy(
  envoy: EnvoyProcess,
  { control, hurry, clock }: { control: EnvoyControl; hurry: AbortSignal; clock: Clock },
): Promise<void> {
  await Promise.race([control.drain(hurry), envoy.exited, aborted(hurry)]);
  const cut = () => clock.after(HURRIED_GRACE_MS, () => envoy.kill('SIGKILL'));
  hurry.addEventListener('abort', cut, { once: true });
  await envoy.end(hurry.aborted ? HURRIED_GRACE_MS : END_GRACE_MS);
  hurry.removeEventListener('abort', cut);
}

function aborted(signal: AbortSignal): Promise<true> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(true);
    else signal.addEventListener('abort', () => resolve(true), { once: true });
  });
}
