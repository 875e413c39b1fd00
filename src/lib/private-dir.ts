import { lstatSync, mkdirSync } from 'node:fs';

/**
 * Makes sure that a directory exists, is really one (no symbolic link) and is ours alone. Throws an Error that says
 * what is wrong with it. Several processes may do this at once, and others may remove empty parents meanwhile.
 */
export function ensurePrivateDir(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const stat = lstatSync(path);
  if (!stat.isDirectory()) throw new Error(`${path} is no directory`);
  if (stat.uid !== process.getuid?.()) throw new Error(`${path} belongs to user ${stat.uid}`);
  if ((stat.mode & 0o077) !== 0)
    throw new Error(`${path} is open to others (mode ${(stat.mode & 0o777).toString(8)}); chmod 700 it`);
}

/** A parent of private directories: nobody but root and us may rename or replace what is in it. */
export function ensureSafeParent(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stat = lstatSync(path, { throwIfNoEntry: true });
  if (!stat.isDirectory()) throw new Error(`${path} is no directory`);
  if (stat.uid !== 0 && stat.uid !== process.getuid?.())
    throw new Error(`${path} belongs to user ${stat.uid}`);
  const writableByOthers = (stat.mode & 0o022) !== 0;
  const sticky = (stat.mode & 0o1000) !== 0;
  if (writableByOthers && !sticky)
    throw new Error(`${path} can be written by others (mode ${(stat.mode & 0o777).toString(8)})`);
}
