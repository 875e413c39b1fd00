import { constants } from 'node:os';

/** How an application ended. */
export interface ApplicationExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The exit code a shell would report: 128 and the number of a signal. */
export function toExitCode({ code, signal }: ApplicationExit): number {
  return signal === null ? (code ?? 1) : 128 + constants.signals[signal];
}

export function describeApplicationExit({ code, signal }: ApplicationExit): string {
  return signal === null ? `exit code ${code}` : `killed by ${signal}`;
}
