import type { AgentState } from '../state/agent-state.ts';

/** What the service manager is told, as lines of sd_notify(3). */
export interface Message {
  readonly lines: readonly string[];
  /** A newer one makes it pointless: it only describes. */
  readonly replaceable: boolean;
}

/** Longest times of what lies ahead, in ms: the service manager is asked for as much patience. */
export interface Patience {
  /** From the first question to the control plane until the agent gives up. */
  readonly startMs: number;
  /** From the wish to stop to the end of it all. */
  readonly stopMs: number;
}

/**
 * The message for a transition. `announced` says whether READY=1 was sent before: a proxy that restarts Envoy is still the
 * service it was, so only a hand-over is a reload and only the end is a stop.
 */
export function toMessage(
  state: AgentState,
  { announced, monotonicMs, patience }: { announced: boolean; monotonicMs: number; patience: Patience },
): Message {
  const status = `STATUS=${describeState(state)}`;
  switch (state.state) {
    case 'ready':
    case 'degraded':
      // Ends a reload too.
      return { lines: ['READY=1', status], replaceable: false };
    case 'handing-over':
      return announced
        ? {
            lines: ['RELOADING=1', `MONOTONIC_USEC=${toMicroseconds(monotonicMs)}`, status],
            replaceable: false,
          }
        : { lines: [status], replaceable: true };
    case 'draining':
      return state.stays === true
        ? { lines: [status], replaceable: true }
        : {
            lines: ['STOPPING=1', status, `EXTEND_TIMEOUT_USEC=${toMicroseconds(patience.stopMs)}`],
            replaceable: false,
          };
    case 'bootstrapping':
      return {
        lines: [status, `EXTEND_TIMEOUT_USEC=${toMicroseconds(patience.startMs)}`],
        replaceable: false,
      };
    default:
      return { lines: [status], replaceable: true };
  }
}

/** One line for people: `systemctl status` shows it. */
export function describeState(state: AgentState): string {
  return oneLine(describe(state));
}

function describe(state: AgentState): string {
  switch (state.state) {
    case 'locating':
      return 'Looking for an Envoy';
    case 'bootstrapping':
      return 'Waiting for the control plane';
    case 'validating':
      return 'Checking the bootstrap';
    case 'starting':
      return `Envoy (pid ${state.pid}) starts`;
    case 'ready':
      return `Ready, Envoy is pid ${state.pid}`;
    case 'degraded':
      return `Serving, but a part of the configuration was refused: ${state.reason}`;
    case 'handing-over':
      return `A new Envoy takes over (${state.cause}), pid ${state.pid} serves until then`;
    case 'restarting':
      return `Envoy ended (${state.reason}), starts again; ${state.restarts} restarts so far`;
    case 'draining':
      return `Draining (${state.cause})`;
    case 'stopped':
      return `Stopped (${state.reason})`;
  }
}

const MAX_STATUS = 240;

/** Bounded, without anything that would begin another line. */
export function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > MAX_STATUS ? `${line.slice(0, MAX_STATUS - 1)}…` : line;
}

export function toMicroseconds(ms: number): string {
  return String(Math.round(ms * 1000));
}
