import type { AgentState } from '../state/agent-state.ts';

/** What the readiness server answers. */
export interface Answer {
  readonly status: 200 | 503;
  /** One line: the state in capitals, and why. */
  readonly body: string;
}

/** 200 while Envoy serves a whole configuration, however old; 503 with the reason otherwise. */
export function toAnswer(state: AgentState, waitingFor: readonly string[]): Answer {
  switch (state.state) {
    case 'ready':
      return { status: 200, body: 'READY\n' };
    case 'degraded':
      return { status: 200, body: `DEGRADED: ${state.reason}\n` };
    // The old Envoy serves until the new one does.
    case 'handing-over':
      return { status: 200, body: `HANDING-OVER: ${state.cause}\n` };
    case 'starting':
      return { status: 503, body: `STARTING: waiting for ${waitingFor.join(', ') || 'Envoy'}\n` };
    case 'restarting':
      return { status: 503, body: `RESTARTING: Envoy ended: ${state.reason}\n` };
    default:
      return { status: 503, body: `${state.state.toUpperCase()}\n` };
  }
}

/** The answer with one more line; '' adds none. */
export function withLine(answer: Answer, line: string): Answer {
  return line === '' ? answer : { ...answer, body: `${answer.body}${line}\n` };
}
