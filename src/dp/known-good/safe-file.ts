import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

export type ReadFile =
  | { readonly kind: 'found'; readonly bytes: Buffer }
  | { readonly kind: 'absent' }
  /** `problem` ends the sentence "FILE ". */
  | { readonly kind: 'refused'; readonly problem: string };

/** Reads a file that nobody but its owner, who is us, can have written. Never follows a link, never waits for a pipe. */
export function readSafeFile(path: string, maxBytes: number): ReadFile {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { kind: 'absent' };
    return refuse(code === 'ELOOP' ? 'is a symbolic link' : `cannot be opened (${code})`);
  }
  try {
    const stat = fstatSync(fd);
    const uid = process.getuid?.();
    if (!stat.isFile()) return refuse('is no plain file');
    if (stat.uid !== uid) return refuse(`belongs to user ${stat.uid}, not to ${uid}`);
    if ((stat.mode & 0o077) !== 0)
      return refuse(`is open to others (mode ${(stat.mode & 0o777).toString(8)}); chmod 600 it`);
    if (stat.size > maxBytes) return refuse(`is larger than ${maxBytes} bytes`);
    return { kind: 'found', bytes: readWhole(fd, stat.size) };
  } catch (error) {
    return refuse(`cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  } finally {
    closeSync(fd);
  }
}

/**
 * Puts a file into its place as a whole, durable when the promise resolves: after a power cut there is the old one or the
 * new one. Rejects with the error of the system, and leaves nothing half-done behind.
 */
export async function writeSafeFile(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const fresh = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  await rm(fresh, { force: true });
  const file = await open(fresh, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    try {
      for (const piece of pieces) await writeWhole(file, piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const dir = await open(path, O_RDONLY);
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}

/** A full disk may take a part. */
async function writeWhole(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let rest = piece; rest.length > 0; )
    rest = rest.subarray((await file.write(rest, 0, rest.length)).bytesWritten);
}

function readWhole(fd: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const count = readSync(fd, bytes, at, size - at, at);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

function refuse(problem: string): ReadFile {
  return { kind: 'refused', problem };
}
