import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Removes the files in /dev/shm of agents that were killed: each wrote the name of its own into its run directory,
 * somewhere below `dir`. Nobody else would, once the directory of the test is gone. Only after their Envoys ended.
 */
export function removeSharedMemoryOf(dir: string): void {
  for (const path of recordsBelow(dir)) {
    const { sharedMemory } = JSON.parse(readFileSync(path, 'utf8')) as { readonly sharedMemory?: string };
    // Nothing else is ever removed, whatever the file says.
    if (sharedMemory !== undefined && /^\/dev\/shm\/envoy_shared_memory_\d+$/.test(sharedMemory))
      rmSync(sharedMemory, { force: true });
  }
}

function recordsBelow(dir: string): string[] {
  try {
    return readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('hot-restart.json'))
      .map((name) => join(dir, name));
  } catch {
    // The test never made its directory.
    return [];
  }
}
