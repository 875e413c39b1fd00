/**
 * The life of an agent as one union and one transition function. Everything that reports on the agent (log line,
 * readiness, `wait`) is derived from the state; everything that happens to it is an event.
 *
 *   locating → bootstrapping → validating → starting → ready ⇄ degraded → draining → stopped
 *                                  ↑______ restarting ←____|_________|
 *                                         ready | degraded ⇄ handing-over (→ starting, should the old Envoy die)
 */
export type AgentState =
  /** Looks for an Envoy and asks its version. */
  | { readonly state: 'locating' }
  /** Asks the control plane, as often as it takes. */
  | { readonly state: 'bootstrapping'; readonly envoyVersion: string }
  /** Envoy checks the bootstrap it will be started with. */
  | { readonly state: 'validating'; readonly restarts: number }
  /** Envoy runs but does not serve its whole first configuration yet. */
  | { readonly state: 'starting'; readonly restarts: number; readonly pid: number }
  /** Envoy serves everything it was sent. */
  | { readonly state: 'ready'; readonly restarts: number; readonly pid: number }
  /** Envoy serves, but something of the newest configuration was refused. */
  | { readonly state: 'degraded'; readonly restarts: number; readonly pid: number; readonly reason: string }
  /** A new Envoy starts beside the one that serves, and takes over once it is live. */
  | {
      readonly state: 'handing-over';
      readonly restarts: number;
      /** Of the Envoy that serves. */
      readonly pid: number;
      readonly cause: string;
      /** No hand-over is possible: it is drained, and ended before the new one starts. */
      readonly cold?: true;
      /** What was refused before, for people; it holds again should the hand-over fail. */
      readonly refused?: string;
    }
  /** Envoy exited by itself; the pause before the next start. */
  | {
      readonly state: 'restarting';
      readonly restarts: number;
      readonly delayMs: number;
      readonly reason: string;
    }
  /** Asked to stop: connections end, then Envoy. */
  | {
      readonly state: 'draining';
      readonly cause: string;
      /** Drained on request: Envoy and agent stay until they are stopped. */
      readonly stays?: true;
      /** No connection is left, or the time for it is over. */
      readonly done?: true;
    }
  /** Nothing of the agent runs any more. */
  | { readonly state: 'stopped'; readonly reason: string };

export type AgentEvent =
  | { readonly event: 'located'; readonly envoyVersion: string }
  | { readonly event: 'bootstrapped' }
  | { readonly event: 'spawned'; readonly pid: number }
  | { readonly event: 'serving' }
  | { readonly event: 'refused'; readonly reason: string }
  | { readonly event: 'hand-over'; readonly cause: string; readonly cold?: true }
  /** The new Envoy took over; unless it has everything already, `serving` follows. */
  | { readonly event: 'handed-over'; readonly pid: number; readonly complete: boolean }
  | { readonly event: 'hand-over-failed' }
  /** `asked`: ended for a restart somebody asked for, which is not counted. */
  | {
      readonly event: 'exited';
      readonly reason: string;
      readonly delayMs: number;
      readonly asked?: boolean;
    }
  | { readonly event: 'restart-due' }
  | { readonly event: 'stop-requested'; readonly cause: string }
  | { readonly event: 'drain-requested'; readonly cause: string }
  | { readonly event: 'drained' }
  | { readonly event: 'ended'; readonly reason: string };

export const INITIAL_STATE: AgentState = { state: 'locating' };

/** The state after an event; the very same object when the event means nothing in this state. */
export function transition(from: AgentState, event: AgentEvent): AgentState {
  if (from.state === 'stopped') return from;
  switch (event.event) {
    case 'ended':
      return { state: 'stopped', reason: event.reason };
    case 'stop-requested':
      return from.state === 'draining' && from.stays !== true
        ? from
        : { state: 'draining', cause: event.cause };
    case 'drain-requested':
      return from.state === 'draining' ? from : { state: 'draining', cause: event.cause, stays: true };
    case 'drained':
      return from.state === 'draining' && from.stays === true && from.done !== true
        ? { ...from, done: true }
        : from;
    case 'located':
      return from.state === 'locating' ? { state: 'bootstrapping', envoyVersion: event.envoyVersion } : from;
    case 'bootstrapped':
      return from.state === 'bootstrapping' ? { state: 'validating', restarts: 0 } : from;
    case 'restart-due':
      return from.state === 'restarting' ? { state: 'validating', restarts: from.restarts } : from;
    case 'spawned':
      return from.state === 'validating'
        ? { state: 'starting', restarts: from.restarts, pid: event.pid }
        : from;
    case 'hand-over':
      return beginHandOver(from, event);
    case 'handed-over':
      return from.state === 'handing-over'
        ? { state: event.complete ? 'ready' : 'starting', restarts: from.restarts, pid: event.pid }
        : from;
    case 'hand-over-failed':
      return from.state === 'handing-over' ? endHandOver(from) : from;
    case 'serving':
      return isRunning(from) && from.state !== 'ready' && from.state !== 'handing-over'
        ? { state: 'ready', restarts: from.restarts, pid: from.pid }
        : from;
    case 'refused':
      return refuse(from, event.reason);
    case 'exited':
      return isRunning(from) || from.state === 'validating'
        ? {
            state: 'restarting',
            restarts: from.restarts + (event.asked === true ? 0 : 1),
            delayMs: event.delayMs,
            reason: event.reason,
          }
        : from;
  }
}

/** A refusal before the first full configuration does not make a proxy degraded: it has not been ready yet. */
function refuse(from: AgentState, reason: string): AgentState {
  if (from.state === 'degraded' && from.reason === reason) return from;
  if (from.state !== 'ready' && from.state !== 'degraded') return from;
  return { state: 'degraded', restarts: from.restarts, pid: from.pid, reason };
}

type HandingOver = Extract<AgentState, { readonly state: 'handing-over' }>;

function beginHandOver(
  from: AgentState,
  { cause, cold }: Extract<AgentEvent, { readonly event: 'hand-over' }>,
): AgentState {
  if (from.state !== 'ready' && from.state !== 'degraded') return from;
  const { restarts, pid } = from;
  const refused = from.state === 'degraded' ? { refused: from.reason } : {};
  return { state: 'handing-over', restarts, pid, cause, ...(cold === true ? { cold } : {}), ...refused };
}

function endHandOver({ restarts, pid, refused }: HandingOver): AgentState {
  return refused === undefined
    ? { state: 'ready', restarts, pid }
    : { state: 'degraded', restarts, pid, reason: refused };
}

function isRunning(state: AgentState): state is Extract<AgentState, { readonly pid: number }> {
  return 'pid' in state;
}
