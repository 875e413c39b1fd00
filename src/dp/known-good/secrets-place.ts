import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** linux/magic.h: file systems that have no disk below. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** Below the run directory, but not in the proxy's own, which goes with its agent. */
export function secretsDirIn(runDir: string, instance: string): string {
  return join(runDir, '.keys', instance);
}

/** Whether a directory, made if need be, is lost with the power. */
export function isInMemory(dir: string): boolean {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return IN_MEMORY.has(statfsSync(dir).type);
  } catch {
    return false;
  }
}
