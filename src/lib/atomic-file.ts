import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Files that are there whole or not at all, also after a crash of the machine. Both ways write a new file beside
 * the target first (`.NAME.PID.tmp`, mode 0600 by default); one left by a killed process is overwritten or harmless.
 */

/** Puts the content in the place of what is there; readers see the old or the new file. */
export function replaceFile(path: string, content: string, mode = 0o600): void {
  const fresh = writeBeside(path, content, mode);
  try {
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Makes the file unless there is one already; false then. Of several processes exactly one gets true. */
export function createFileOnce(path: string, content: string, mode = 0o600): boolean {
  const fresh = writeBeside(path, content, mode);
  try {
    linkSync(fresh, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  syncDirectory(dirname(path));
  return true;
}

function writeBeside(path: string, content: string, mode: number): string {
  const fresh = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  rmSync(fresh, { force: true });
  const fd = openSync(fresh, 'wx', mode);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  return fresh;
}

/** Makes new names durable. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
