import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Message, oneLine, toMicroseconds } from '../notify/message.ts';
import type { Summary } from './summary.ts';

export interface VoiceOptions {
  readonly tell: (message: Message) => void;
  readonly summary: () => Summary;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Each was ready once, or cannot start. Called once. */
  readonly onSettled: () => void;
  /** All are ready; may be called again and again. */
  readonly onAllReady: () => void;
}

/** Says how the whole is: to the service manager, and in the log when that turns. */
export interface Voice {
  /** Something changed; what follows from it is said once, a little later. */
  changed(): void;
  reloading(): void;
  reloaded(): void;
  stopping(cause: string, mostMs: number): void;
}

/** Changes come in flocks. */
const GATHER_MS = 20;

export function createVoice({ tell, summary, clock, logger, ...options }: VoiceOptions): Voice {
  let announced = false;
  let settled = false;
  let wasReady: boolean | undefined;
  let gathering = false;
  let stopping = false;

  function say(): void {
    gathering = false;
    if (stopping) return;
    const now = summary();
    if (now.settled && !settled) {
      settled = true;
      options.onSettled();
    }
    const status = `STATUS=${oneLine(now.text)}`;
    // Those that cannot start do not hold up the others; but somebody has to serve, unless nobody is to.
    const announce = !announced && now.settled && (now.ready > 0 || now.total === 0);
    tell(
      announce ? { lines: ['READY=1', status], replaceable: false } : { lines: [status], replaceable: true },
    );
    announced ||= announce;
    if (now.allReady) options.onAllReady();
    if (now.allReady === wasReady || !now.settled) return;
    wasReady = now.allReady;
    logger[now.allReady || now.total === 0 ? 'info' : 'warn']({}, now.text);
  }

  return {
    changed() {
      if (gathering || stopping) return;
      gathering = true;
      clock.after(GATHER_MS, say);
    },
    reloading() {
      if (announced)
        tell({
          lines: ['RELOADING=1', `MONOTONIC_USEC=${String(process.hrtime.bigint() / 1000n)}`],
          replaceable: false,
        });
    },
    reloaded() {
      if (announced) tell({ lines: ['READY=1'], replaceable: false });
    },
    stopping(cause, mostMs) {
      stopping = true;
      const extend = `EXTEND_TIMEOUT_USEC=${toMicroseconds(mostMs)}`;
      tell({ lines: ['STOPPING=1', `STATUS=${oneLine(`Draining (${cause})`)}`, extend], replaceable: false });
    },
  };
}
