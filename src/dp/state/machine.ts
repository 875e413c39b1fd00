import type { Logger } from '../../lib/logger.ts';
import { type AgentEvent, type AgentState, INITIAL_STATE, transition } from './agent-state.ts';

/** Holds the state; the only place where it changes. Each change is one log line. */
export interface Machine {
  readonly current: AgentState;
  /** Wall time of the last change, in ms. */
  readonly since: number;
  dispatch(event: AgentEvent): void;
}

export function createMachine(
  logger: Logger,
  onChange: (state: AgentState) => void = () => {},
  now: () => number = Date.now,
): Machine {
  let since = now();
  let current: AgentState = INITIAL_STATE;
  return {
    get current() {
      return current;
    },
    get since() {
      return since;
    },
    dispatch(event) {
      const next = transition(current, event);
      if (next === current) return;
      const { state: from } = current;
      current = next;
      since = now();
      const { state, ...facts } = next;
      const level = state === 'degraded' || state === 'restarting' ? 'warn' : 'info';
      logger[level]({ from, ...facts }, state);
      onChange(next);
    },
  };
}
