import { describeError } from '../../lib/coded-error.ts';
import { AgentError } from '../agent-error.ts';
import type { Verdict } from './follow.ts';

/** What the outcome of a request for its bootstrap says about a Dataplane. */
export async function judgeDataplane(fetchBootstrap: () => Promise<unknown>): Promise<Verdict> {
  try {
    await fetchBootstrap();
    return { kind: 'accepted' };
  } catch (error) {
    const reason = describeError(error);
    return error instanceof AgentError && error.code === 'bootstrap-rejected'
      ? { kind: 'refused', reason }
      : { kind: 'unknown', reason };
  }
}
