import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { formatDuration } from '../../lib/duration.ts';
import type { Crash } from './crash-history.ts';

const KEPT = 5;

/**
 * Writes a crash into the first of these directories that takes it: why Envoy ended and its last log lines, as a file
 * only its owner can read. The newest few are kept. The path, or undefined where no directory can be written.
 */
export function writeCrashFile(dirs: readonly string[], crash: Crash): string | undefined {
  const name = `${new Date(crash.at).toISOString().replaceAll(':', '-')}.log`;
  return dirs.map((dir) => join(dir, name)).find((path) => tryToWrite(path, crash));
}

/** False where the directory is read-only or full. */
function tryToWrite(path: string, crash: Crash): boolean {
  const dir = dirname(path);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(path, toText(crash), { mode: 0o600 });
  } catch {
    tryTo(() => rmSync(path, { force: true }));
    return false;
  }
  tryTo(() => removeOld(dir, basename(path)));
  return true;
}

function tryTo(act: () => void): void {
  try {
    act();
  } catch {
    // What is left is of no use and in nobody's way.
  }
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

/** By their names; the newest is told, since the clock may have been set back. */
function removeOld(dir: string, newest: string): void {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith('.log') && name !== newest)
    .sort();
  for (const name of names.slice(0, 1 - KEPT)) rmSync(join(dir, name), { force: true });
}
