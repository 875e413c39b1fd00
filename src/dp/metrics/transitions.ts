import type { AgentState } from '../state/agent-state.ts';

/** Counts what happened to an agent, from its transitions alone. */
export interface TransitionCounts {
  readonly envoyRestarts: number;
  readonly hotRestarts: number;
  readonly hotRestartsFailed: number;
  /** Updates of the control plane that Envoy refused, as far as the agent told them apart. */
  readonly refusals: number;
}

export interface TransitionCounter {
  readonly counts: TransitionCounts;
  onState(state: AgentState): void;
}

export function createTransitionCounter(): TransitionCounter {
  let counts: TransitionCounts = { envoyRestarts: 0, hotRestarts: 0, hotRestartsFailed: 0, refusals: 0 };
  let before: AgentState | undefined;
  return {
    get counts() {
      return counts;
    },
    onState(state) {
      counts = count(counts, before, state);
      before = state;
    },
  };
}

function count(counts: TransitionCounts, before: AgentState | undefined, now: AgentState): TransitionCounts {
  if (now.state === 'restarting') {
    const asked = before !== undefined && 'restarts' in before && before.restarts === now.restarts;
    return asked ? counts : { ...counts, envoyRestarts: counts.envoyRestarts + 1 };
  }
  if (before?.state === 'handing-over' && 'pid' in now) {
    // The Envoy that served before serves on when a hand-over fails.
    return now.pid === before.pid
      ? { ...counts, hotRestartsFailed: counts.hotRestartsFailed + 1 }
      : { ...counts, hotRestarts: counts.hotRestarts + 1 };
  }
  return now.state === 'degraded' ? { ...counts, refusals: counts.refusals + 1 } : counts;
}
