import { CodedError, describeError } from '../lib/coded-error.ts';

export type CliErrorCode =
  | 'usage'
  | 'config'
  | 'input'
  | 'not-found'
  | 'unreachable'
  | 'refused'
  | 'not-kuma'
  | 'insecure';

/**
 * What kumactl says and exits with 1 for. The message is the one line after `Error: `; `details` are further lines
 * printed below it as they are.
 */
export class CliError extends CodedError<CliErrorCode> {
  readonly details: readonly string[];

  constructor(
    code: CliErrorCode,
    message: string,
    options: { cause?: unknown; details?: readonly string[] } = {},
  ) {
    super(code, message, options);
    this.details = options.details ?? [];
  }
}

/** One line for a person: our own messages name their cause already, others get it appended. */
export function messageOf(error: unknown): string {
  return error instanceof CliError ? error.message : describeError(error);
}
