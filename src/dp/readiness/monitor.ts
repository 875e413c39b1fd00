import type { Clock } from '../../lib/clock.ts';
import { type Expectations, observe, type Readiness, UNKNOWN_READINESS } from './latches.ts';
import { parseSample, samplePath } from './sample.ts';

/** Looks at one Envoy again and again: often until it is ready, rarely afterwards, at once when nudged. */
export interface Monitor {
  readonly readiness: Readiness;
  /** Monotonic time of the last answer in ms; undefined before the first. */
  readonly answeredAt: number | undefined;
  /** Looks in vain since then. Time alone proves no silence: the agent may have been stopped itself. */
  readonly missed: number;
  nudge(): void;
  /** No looks until `resume`: somebody else may answer on the same address. What is known stays. */
  pause(): void;
  resume(): void;
  stop(): void;
}

/** The part of the admin client that is used. */
export interface AdminReader {
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
  close(): void;
}

export interface MonitorOptions {
  /** Closed when the monitor stops. */
  readonly admin: AdminReader;
  readonly expects: Expectations;
  /** What Envoy cannot tell and is missing; looked at again and again. */
  readonly obstacles?: () => readonly string[];
  readonly clock: Clock;
  readonly onChange: (readiness: Readiness) => void;
}

const STARTING_MS = 25;
/** A start that takes longer waits for somebody else. */
const LONG_START_MS = 10_000;
const LONG_STARTING_MS = 250;
const SETTLED_MS = 2_000;

export function startMonitor(options: MonitorOptions): Monitor {
  const { admin, expects, obstacles = () => [], clock, onChange } = options;
  let readiness = UNKNOWN_READINESS;
  let answeredAt: number | undefined;
  let missed = 0;
  let stopped = false;
  let paused = false;
  let looking = false;
  let nudged = false;
  let cancel = (): void => {};
  const startedAt = clock.monotonic();
  const startingMs = () => (clock.monotonic() - startedAt < LONG_START_MS ? STARTING_MS : LONG_STARTING_MS);

  async function look(): Promise<void> {
    looking = true;
    nudged = false;
    try {
      const live = await admin.get('/ready');
      const stats = await admin.get(samplePath(readiness.refused));
      if (stopped || paused || stats.status !== 200) return;
      answeredAt = clock.monotonic();
      missed = 0;
      const next = observe(readiness, parseSample(live.body, stats.body), {
        ...expects,
        obstacles: obstacles(),
      });
      const changed = describeChange(next) !== describeChange(readiness);
      readiness = next;
      if (changed) onChange(next);
    } catch {
      // Not listening yet, or just gone: the next look, or the exit of the process, tells.
      missed++;
    } finally {
      looking = false;
      if (!stopped && !paused) schedule(nudged ? STARTING_MS : readiness.latched ? SETTLED_MS : startingMs());
    }
  }

  function schedule(ms: number): void {
    cancel();
    cancel = clock.after(ms, () => void look());
  }

  void look();
  return {
    get readiness() {
      return readiness;
    },
    get answeredAt() {
      return answeredAt;
    },
    get missed() {
      return missed;
    },
    nudge() {
      if (stopped || paused || looking) nudged = true;
      else schedule(STARTING_MS);
    },
    pause() {
      paused = true;
      cancel();
    },
    resume() {
      if (!paused || stopped) return;
      paused = false;
      answeredAt = clock.monotonic();
      if (!looking) schedule(0);
    },
    stop() {
      stopped = true;
      cancel();
      admin.close();
    },
  };
}

function describeChange({ latched, live, waitingFor, refused }: Readiness): string {
  return JSON.stringify([latched, live, waitingFor, refused]);
}
