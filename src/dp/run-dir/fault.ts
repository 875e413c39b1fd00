import { describeError } from '../../lib/coded-error.ts';
import { AgentError } from '../agent-error.ts';

/**
 * A fault of the file system, such as a disk that is full, as what may pass: it is told and waited out, and no Envoy that
 * serves ends for it. Throws everything else on.
 */
export function toDiskFault(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  if (!(error instanceof Error) || !('errno' in error)) throw error;
  const text = `files that Envoy needs cannot be written: ${describeError(error)}`;
  return new AgentError('run-dir-unusable', text, { cause: error });
}
