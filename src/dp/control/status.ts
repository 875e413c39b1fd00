import type { AgentState } from '../state/agent-state.ts';

/** What an agent tells of itself on its socket; `kuma-dp status -o json` prints it as it is. */
export interface AgentStatus {
  readonly mesh: string;
  readonly name: string;
  /**
   * `failed`: its agent, one of several in a process, could not start and is tried again. `unattended`: there is no
   * agent, but an Envoy that was kept.
   */
  readonly state: AgentState['state'] | 'drained' | 'failed' | 'unattended';
  /** Why it is not simply ready; '' when it is. */
  readonly reason: string;
  /** ISO time of the last change of state. */
  readonly since: string;
  readonly agentPid: number;
  readonly readinessPort: number;
  /** Of the Envoy that serves, 0 while none does. */
  readonly pid: number;
  readonly epoch: number;
  /** How often Envoy was started again after an end nobody asked for. */
  readonly restarts: number;
  readonly envoy: { readonly version: string; readonly path: string };
  readonly hotRestart: boolean;
  /** The one in use, by its bootstrap URL; '' while none answers. */
  readonly controlPlane: string;
  readonly waitingFor: readonly string[];
  /** Of the newest wish for another Envoy; absent before the first. `ok: false` stays until it works or is moot. */
  readonly lastHandOver: HandOverStatus | undefined;
  /** All Envoys of this agent that live: more than one during a hand-over and until the old one's connections ended. */
  readonly envoys: readonly { readonly pid: number; readonly epoch: number; readonly version: string }[];
  /** The newest last. */
  readonly crashes: readonly CrashStatus[];
}

export interface HandOverStatus {
  /** ISO time. */
  readonly at: string;
  readonly cause: string;
  readonly ok: boolean;
  readonly reason: string;
}

export interface CrashStatus {
  /** ISO time. */
  readonly at: string;
  readonly reason: string;
  readonly ranMs: number;
  /** Last lines of its log. */
  readonly log: readonly string[];
}

/** Why a state is what it is, for people. */
export function describeReason(state: AgentState, waitingFor: readonly string[]): string {
  switch (state.state) {
    case 'degraded':
    case 'restarting':
    case 'stopped':
      return state.reason;
    case 'handing-over':
    case 'draining':
      return state.cause;
    case 'starting':
      return waitingFor.length === 0 ? '' : `waiting for ${waitingFor.join(', ')}`;
    default:
      return '';
  }
}
