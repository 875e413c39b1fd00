import type { Clock } from '../../lib/clock.ts';
import type { AgentState } from '../state/agent-state.ts';
import { type Message, type Patience, toMessage } from './message.ts';

/** Tells the service manager how the agent is. Never throws and never waits: who reports is not held up by it. */
export interface Notifier {
  onState(state: AgentState): void;
  /** The same for who is more than one agent. */
  tell(message: Message): void;
  /** Ends the watchdog and waits, for a bounded time, until the last message is out. */
  close(): Promise<void>;
}

export interface NotifierOptions {
  /** Sends one message; resolves when it is out or failed. Never rejects. */
  readonly send: (lines: readonly string[]) => Promise<void>;
  readonly clock: Clock;
  readonly patience: Patience;
  /** Time after which the service manager takes a silent agent for hung; undefined: it does not watch. */
  readonly watchdogMs: number | undefined;
  /** Whether the agent and its Envoy are well; without a yes the watchdog is not fed. */
  readonly isHealthy: () => boolean;
}

/** For an agent nobody watches. */
export const silentNotifier: Notifier = { onState() {}, tell() {}, close: async () => {} };

/** Each message is a process: between two that only describe there is this much time. */
const STATUS_PAUSE_MS = 500;
const CLOSE_MS = 2_000;

/** Sends one message at a time, in order; a description that waits gives way to the next one. */
export function createNotifier(options: NotifierOptions): Notifier {
  const { send, clock, patience, watchdogMs, isHealthy } = options;
  const queue: Message[] = [];
  let announced = false;
  let sending: Promise<void> | undefined;
  let quietUntil = 0;
  let cancelPause = (): void => {};
  let cancelWatchdog = (): void => {};

  function push(message: Message): void {
    const describes = message.lines.some((line) => line.startsWith('STATUS='));
    if (describes && queue.at(-1)?.replaceable === true) queue.pop();
    queue.push(message);
    pump();
  }

  function pump(): void {
    const [next] = queue;
    if (sending !== undefined || next === undefined) return;
    const pauseMs = next.replaceable ? quietUntil - clock.monotonic() : 0;
    cancelPause();
    if (pauseMs > 0) {
      cancelPause = clock.after(pauseMs, pump);
      return;
    }
    queue.shift();
    quietUntil = clock.monotonic() + STATUS_PAUSE_MS;
    sending = send(next.lines).then(() => {
      sending = undefined;
      pump();
    });
  }

  function feedWatchdog(everyMs: number): void {
    cancelWatchdog = clock.after(everyMs, () => {
      if (isHealthy() && !queue.some(({ lines }) => lines[0] === 'WATCHDOG=1'))
        push({ lines: ['WATCHDOG=1'], replaceable: false });
      feedWatchdog(everyMs);
    });
  }

  if (watchdogMs !== undefined) feedWatchdog(watchdogMs / 2);
  return {
    onState(state) {
      push(toMessage(state, { announced, monotonicMs: clock.monotonic(), patience }));
      announced ||= state.state === 'ready' || state.state === 'degraded';
    },
    tell: push,
    async close() {
      cancelWatchdog();
      quietUntil = 0;
      pump();
      const late = new Promise<boolean>((resolve) => {
        setTimeout(() => resolve(true), CLOSE_MS).unref();
      });
      while (sending !== undefined) if (await Promise.race([sending, late])) break;
      cancelPause();
    },
  };
}
