import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatDuration } from '../../lib/duration.ts';
import type { Crash } from './crash-history.ts';

const KEPT = 5;

/**
 * Writes a crash into the first of these directories that takes it: why Envoy ended and its last log lines, as a file
 * only its owner can read. The newest few are kept. The path, or undefined where no directory can be written.
 */
export function writeCrashFile(dirs: readonly string[], crash: Crash): string | undefined {
  for (const dir of dirs) {
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      const path = join(dir, `${new Date(crash.at).toISOString().replaceAll(':', '-')}.log`);
      writeFileSync(path, toText(crash), { mode: 0o600 });
      removeOld(dir);
      return path;
    } catch {
      // Read-only or full: the next one.
    }
  }
  return undefined;
}

function toText({ at, reason, ranMs, servedMs, tail }: Crash): string {
  const head = [
    `time: ${new Date(at).toISOString()}`,
    `reason: ${reason}`,
    `ran: ${formatDuration(ranMs)}, of that with its whole configuration: ${formatDuration(servedMs)}`,
    '',
  ];
  return `${[...head, ...tail].join('\n')}\n`;
}

function removeOld(dir: string): void {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith('.log'))
    .sort();
  for (const name of names.slice(0, -KEPT)) rmSync(join(dir, name), { force: true });
}
