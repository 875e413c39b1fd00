import { closeSync, constants, openSync, renameSync, rmSync, writeSync } from 'node:fs';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/**
 * Writes a file only its owner can read. It never follows a link and never shows half its content: the text goes to a
 * new file beside it, which then takes its name.
 */
export function writePrivateFile(path: string, text: string): void {
  const fresh = `${path}.${process.pid}`;
  rmSync(fresh, { force: true });
  const fd = openSync(fresh, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    for (let rest = Buffer.from(text); rest.length > 0; ) rest = rest.subarray(writeSync(fd, rest));
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error instanceof Error ? withPath(error, path) : error;
  } finally {
    closeSync(fd);
  }
}

/** Node names no file where a write fails. */
function withPath(error: Error, path: string): Error {
  if (!error.message.includes(path)) error.message += ` '${path}'`;
  return error;
}
