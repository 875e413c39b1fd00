/** How a short-lived command ended. */
export interface OneShot {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it failed: exit code, signal, time or that it could not be started at all. '' when ok. */
  readonly problem: string;
}

export interface OneShotOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a command to its end. execa is loaded on first use only, so that programs which run nothing do not pay for it.
 * Output beyond 1 MB is cut.
 */
export async function runOneShot(
  file: string,
  args: readonly string[],
  options: OneShotOptions,
): Promise<OneShot> {
  const { execa } = await import('execa');
  const result = await execa(file, args, {
    reject: false,
    stdin: 'ignore',
    timeout: options.timeoutMs,
    maxBuffer: 1_000_000,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const { stdout, stderr } = result;
  return {
    ok: !result.failed,
    stdout,
    stderr,
    problem: result.failed ? describe(result, options.timeoutMs) : '',
  };
}

interface Failed {
  readonly timedOut: boolean;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly originalMessage?: string | undefined;
}

function describe({ timedOut, exitCode, signal, code, originalMessage }: Failed, timeoutMs: number): string {
  if (timedOut) return `no end after ${timeoutMs} ms`;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'not executable';
  if (signal !== undefined) return `killed by ${signal}`;
  if (exitCode !== undefined) return `exit code ${exitCode}`;
  return originalMessage ?? code ?? 'failed';
}
