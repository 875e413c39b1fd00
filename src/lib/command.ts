import { execFile } from 'node:child_process';

/** How a short-lived command ended. */
export interface CommandResult {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it failed: exit code, signal, time, or that it could not be started. '' when ok. */
  readonly problem: string;
}

export interface CommandOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Runs a command to its end; never rejects. For programs that live long and must stay small: a library for processes
 * would cost a sidecar more memory than all it does. Standard input is closed.
 */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { timeoutMs, signal } = options;
  return new Promise<CommandResult>((resolve) => {
    const child = execFile(
      file,
      [...args],
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
        ...(signal === undefined ? {} : { signal }),
      },
      (error, stdout, stderr) => {
        const problem = error === null ? '' : describe(error, timeoutMs);
        resolve({ ok: error === null, stdout, stderr, problem });
      },
    );
    child.stdin?.end();
    child.stdin?.on('error', () => {});
    // Some faults of starting are thrown, for example that there is no memory for it.
  }).catch((error: Error) => ({ ok: false, stdout: '', stderr: '', problem: describe(error, timeoutMs) }));
}

function describe(
  error: Error & { code?: unknown; signal?: unknown; killed?: boolean },
  timeoutMs: number,
): string {
  if (error.code === 'ENOENT') return 'no such file';
  if (error.code === 'EACCES') return 'not executable';
  if (typeof error.code === 'number') return `exit code ${error.code}`;
  if (error.name === 'AbortError') return 'cancelled';
  if (error.killed === true) return `no end after ${timeoutMs} ms`;
  return typeof error.signal === 'string' ? `killed by ${error.signal}` : error.message;
}
