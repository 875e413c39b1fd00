import { CodedError } from '../lib/coded-error.ts';
import type { ExitReason } from './exit-codes.ts';

export type AgentErrorCode = Exclude<ExitReason, 'ok' | 'unexpected'>;

/** What ends the agent or one of its commands on purpose; the code is also the key of its exit code. */
export class AgentError extends CodedError<AgentErrorCode> {}
