import { createBackoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';

/** An unasked end of an Envoy, or a start that was refused. Times are monotonic. */
export interface CrashReport<Plan extends object> {
  readonly plan: Plan;
  readonly reason: string;
  /** Undefined: it was not even started. */
  readonly startedAt: number | undefined;
  /** Undefined: it never had its whole configuration. */
  readonly readyAt: number | undefined;
  readonly tail: readonly string[];
}

/** What people are shown of a crash. */
export interface Crash {
  /** Wall time in ms. */
  readonly at: number;
  readonly reason: string;
  /** How long it ran and how long it served, in ms. */
  readonly ranMs: number;
  readonly servedMs: number;
  readonly tail: readonly string[];
}

export interface Verdict<Plan extends object> {
  readonly plan: Plan;
  readonly delayMs: number;
  /** It restarted as often as it may. */
  readonly giveUp: boolean;
  /** What is done differently from now on, for people; '' for nothing. */
  readonly note: string;
}

/** Remembers crashes and decides how and when Envoy is started again. */
export interface CrashHistory<Plan extends object> {
  /** The newest last. */
  readonly crashes: readonly Crash[];
  record(report: CrashReport<Plan>): Verdict<Plan>;
}

export interface CrashHistoryOptions {
  readonly clock: Clock;
  readonly baseMs: number;
  readonly maxMs: number;
  /** Restarts without a healthy minute between them; 0: no limit. */
  readonly maxRestarts: number;
  readonly random?: () => number;
  /** Told of each crash, to keep it. */
  readonly onCrash?: (crash: Crash) => void;
  /** Puts the configuration before the newest in its place, if that may be the cause; what it did, for people. */
  readonly fallBack?: (crash: Crash) => string | undefined;
}

/** After this long in service the next crash is a new story. */
const HEALTHY_MS = 60_000;
/** What served so long is not the cause of a crash at its start. */
const PROVEN_MS = 10_000;
/** Longest pauses for an Envoy that had its whole configuration, by whether it served for a while: a second. */
const SERVED_MS = 1_000;
const SERVED_PAUSE_MS = 100;
const READY_PAUSE_MS = 500;
const KEPT = 5;

/**
 * The first restart is immediate. Then pauses grow, with jitter, until a healthy minute; after an Envoy that had its
 * whole configuration they stay short. The second crash in a row of a plan that never proved itself
 * leads back to the last one that did.
 */
export function createCrashHistory<Plan extends object>(options: CrashHistoryOptions): CrashHistory<Plan> {
  const { clock, baseMs, maxMs, maxRestarts, random, onCrash, fallBack } = options;
  const backoff = createBackoff({ baseMs, maxMs, ...(random === undefined ? {} : { random }) });
  const crashes: Crash[] = [];
  let proven: Plan | undefined;
  let inARow = 0;
  let young = 0;

  function chooseNext(report: CrashReport<Plan>, crash: Crash): { plan: Plan; note: string } {
    if (crash.servedMs >= PROVEN_MS) proven = report.plan;
    young = crash.servedMs >= PROVEN_MS ? 0 : young + 1;
    if (young < 2) return { plan: report.plan, note: '' };
    if (proven !== undefined && proven !== report.plan) {
      young = 0;
      return { plan: proven, note: 'the new Envoy or bootstrap keeps crashing: the one before is started' };
    }
    return { plan: report.plan, note: fallBack?.(crash) ?? '' };
  }

  return {
    crashes,
    record(report) {
      const now = clock.monotonic();
      const crash: Crash = {
        at: clock.now(),
        reason: report.reason,
        ranMs: Math.round(now - (report.startedAt ?? now)),
        servedMs: Math.round(now - (report.readyAt ?? now)),
        tail: report.tail,
      };
      crashes.push(crash);
      if (crashes.length > KEPT) crashes.shift();
      onCrash?.(crash);
      if (crash.servedMs > HEALTHY_MS) {
        inARow = 0;
        backoff.reset();
      }
      inARow++;
      const { plan, note } = chooseNext(report, crash);
      return { plan, note, giveUp: maxRestarts > 0 && inARow > maxRestarts, delayMs: pause(report, crash) };
    },
  };

  function pause({ startedAt, readyAt }: CrashReport<Plan>, { servedMs }: Crash): number {
    if (inARow === 1 && startedAt !== undefined) return 0;
    const delayMs = Math.round(backoff.next());
    if (readyAt === undefined) return delayMs;
    return Math.min(delayMs, servedMs >= SERVED_MS ? SERVED_PAUSE_MS : READY_PAUSE_MS);
  }
}
