import { readdirSync, readlinkSync, realpathSync } from 'node:fs';

/**
 * Pid of a process that has the file open, for messages. Undefined where /proc does not tell: other systems,
 * processes of other users or in other containers.
 */
export function findHolder(path: string, proc = '/proc'): number | undefined {
  try {
    const file = realpathSync(path);
    return readdirSync(proc)
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number)
      .find((pid) => hasOpen(`${proc}/${pid}/fd`, file));
  } catch {
    return undefined;
  }
}

function hasOpen(folder: string, file: string): boolean {
  try {
    return readdirSync(folder).some((fd) => readlinkSync(`${folder}/${fd}`) === file);
  } catch {
    // The process ended meanwhile, or is not ours to look at.
    return false;
  }
}
