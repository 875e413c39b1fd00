import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import { type AppHealth, judge, type ProbeResult, type Thresholds, UNKNOWN_HEALTH } from './judge.ts';
import type { Probe } from './probe.ts';

/** Checks the application again and again, one check at a time. */
export interface AppMonitor {
  readonly health: AppHealth;
  /** Ends the check under way, too; resolves when nothing of it is left. */
  stop(): Promise<void>;
}

export interface AppMonitorOptions extends Thresholds {
  readonly probe: Probe;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Called when `health` changes, and when an application that was never well fails for another reason. */
  readonly onChange: (health: AppHealth) => void;
}

/** An application that starts is found soon. */
const STARTING_MS = 250;

export function startAppMonitor({
  probe,
  intervalMs,
  clock,
  onChange,
  ...thresholds
}: AppMonitorOptions): AppMonitor {
  const ending = new AbortController();
  let health = UNKNOWN_HEALTH;
  let cancel = (): void => {};
  let checking: Promise<void> = Promise.resolve();

  async function check(): Promise<void> {
    const result = await probe(ending.signal).catch(
      (error: unknown): ProbeResult => ({
        ok: false,
        reason: `cannot be checked: ${describeError(error)}`,
      }),
    );
    if (ending.signal.aborted) return;
    const before = health;
    health = judge(before, { ok: result.ok, reason: toOneLine(result.reason) }, thresholds);
    const moved = health.health !== before.health;
    if (moved || (health.health === 'unknown' && health.reason !== before.reason)) onChange(health);
    const pauseMs = health.health === 'unknown' ? Math.min(STARTING_MS, intervalMs) : intervalMs;
    cancel = clock.after(pauseMs, () => {
      checking = check();
    });
  }

  checking = check();
  return {
    get health() {
      return health;
    },
    async stop() {
      ending.abort();
      cancel();
      await checking;
    },
  };
}

const LONGEST_REASON = 200;

/** It goes into a log line, a page and a request. */
function toOneLine(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, ' ').trim();
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}…` : line;
}
