import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { isatty } from 'node:tty';

/**
 * How an application gets one of the agent's outputs. The agent writes without blocking, which is a property of the open
 * file and not of the process: sharing it would either block the agent when nobody reads, or surprise the application.
 */
export type Output =
  /** A pipe or a terminal, opened once more. */
  | { readonly kind: 'reopened'; readonly fd: number }
  /** A socket, such as the journal's, cannot be opened again: the agent copies, at the pace of the reader. */
  | { readonly kind: 'copied' }
  /** Files never block for long. */
  | { readonly kind: 'shared' };

export function chooseOutput(fd: 1 | 2): Output {
  try {
    const stat = fstatSync(fd);
    if (stat.isFIFO() || isatty(fd)) return { kind: 'reopened', fd: reopen(`/proc/self/fd/${fd}`) };
    return stat.isSocket() ? { kind: 'copied' } : { kind: 'shared' };
  } catch {
    // Closed, a pipe of another user, or a named one that nobody reads.
    return { kind: 'copied' };
  }
}

/** A named pipe without a reader would be waited for, with all the agent does: the first look does not wait, but fails. */
function reopen(path: string): number {
  const flags = constants.O_WRONLY | constants.O_NOCTTY;
  const look = openSync(path, flags | constants.O_NONBLOCK);
  try {
    return openSync(path, flags);
  } finally {
    closeSync(look);
  }
}

export function toStdio(output: Output): number | 'pipe' | 'inherit' {
  if (output.kind === 'reopened') return output.fd;
  return output.kind === 'copied' ? 'pipe' : 'inherit';
}

export function closeOutput(output: Output): void {
  if (output.kind === 'reopened') closeSync(output.fd);
}

/** Resolves when all is copied. A reader that went away is as good. */
export function copyOutput(from: Readable | null, to: Writable): Promise<void> {
  if (from === null) return Promise.resolve();
  return new Promise((resolve) => {
    from.once('close', resolve);
    from.once('error', () => resolve());
    from.pipe(to, { end: false });
    // Nobody reads any more: the application learns it from its next write.
    to.once('error', () => from.destroy());
  });
}
