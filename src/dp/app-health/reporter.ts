import { createBackoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';

/** What the control plane is told. */
interface HealthReport {
  readonly healthy: boolean;
  readonly reason: string;
}

/**
 * Tells the control plane how the application is: on a change, when the control plane is back, and every now and then,
 * since it forgets. One that does not take reports sees it through Envoy's own health, which it checks itself (HDS).
 */
export interface HealthReporter {
  update(report: HealthReport): void;
  /** A stream to the control plane opened: it may be another one, or have forgotten. */
  reconnected(): void;
  /** An Envoy serves that may know nothing of this. */
  envoyServing(): void;
  /** After this nothing is told any more, and Envoy's health belongs to others. */
  stop(): void;
}

export interface ReporterOptions {
  readonly tell: (report: HealthReport) => Promise<'understood' | 'not-known' | 'not-reached'>;
  /** Sets the health of the serving Envoy: POST to this path of its admin interface. Rejects when none serves. */
  readonly postToEnvoy: (path: '/healthcheck/fail' | '/healthcheck/ok') => Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

const REPEAT_MS = 30_000;
const RETRY_MS = 500;

export function startHealthReporter(options: ReporterOptions): HealthReporter {
  const { tell, postToEnvoy, clock, logger, random } = options;
  const backoff = createBackoff({
    baseMs: RETRY_MS,
    maxMs: REPEAT_MS,
    ...(random === undefined ? {} : { random }),
  });
  let report: HealthReport | undefined;
  /** What the serving Envoy was told. */
  let envoyFails = false;
  let sending = false;
  let again = false;
  let stopped = false;
  let saidFallback = false;
  let cancel = (): void => {};

  async function send(): Promise<void> {
    if (report === undefined || stopped) return;
    cancel();
    if (sending) {
      again = true;
      return;
    }
    sending = true;
    again = false;
    const sent = report;
    const told = await tell(sent);
    // What was told may be old by now, and Envoy would drop connections for it.
    const { healthy } = report ?? sent;
    if (!stopped) await setEnvoy(told === 'not-known' && !healthy, told);
    sending = false;
    if (stopped) return;
    if (told === 'understood') backoff.reset();
    if (again) void send();
    else cancel = clock.after(told === 'understood' ? REPEAT_MS : backoff.next(), () => void send());
  }

  /** Envoy's health is set only where reports are not taken, and put right again where they are. */
  async function setEnvoy(fails: boolean, told: string): Promise<void> {
    if (told === 'not-reached' || fails === envoyFails) return;
    try {
      await postToEnvoy(fails ? '/healthcheck/fail' : '/healthcheck/ok');
      envoyFails = fails;
      if (fails && !saidFallback)
        logger.info({}, 'the control plane takes no reports of health; Envoy fails its health check instead');
      saidFallback = true;
    } catch (error) {
      logger.debug({ cause: describeError(error) }, 'no Envoy to tell of the health of the application');
    }
  }

  const sendSoon = () => {
    backoff.reset();
    void send();
  };
  return {
    update(next) {
      if (next.healthy === report?.healthy && next.reason === report.reason) return;
      report = next;
      sendSoon();
    },
    reconnected: sendSoon,
    envoyServing() {
      envoyFails = false;
      sendSoon();
    },
    stop() {
      stopped = true;
      cancel();
    },
  };
}
