import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from './clock.ts';

export interface PathsWatchOptions {
  readonly clock: Clock;
  /** Between two looks that nobody asked for, in ms; 3 s by default. */
  readonly pollMs?: number;
  /** To be cheap: called for anything that happens near by. */
  readonly onMaybeChanged: () => void;
}

/** Writers need some moments: what happens in them is one change. It ends when nothing more happens for so long. */
const SETTLE_MS = 100;
/** In a directory where something happens all the time. */
const LONGEST_SETTLE_MS = 1_000;
/** Notices may be lost, and network mounts send none. */
const POLL_MS = 3_000;

/**
 * Calls back when something happened in or to one of these files and directories, and every few seconds; without any path
 * it does only that. Files are written in place, renamed over, or are links below links: anything in their directory counts.
 * A directory may be removed and made again, or be a link that is turned: then it is another one, which is watched instead.
 */
export function watchPaths(
  paths: readonly string[],
  { clock, pollMs = POLL_MS, onMaybeChanged }: PathsWatchOptions,
): { stop(): void } {
  const dirs = new Map<string, { readonly watcher: FSWatcher; readonly identity: string }>();
  let cancelSettle = (): void => {};
  let settlingSince: number | undefined;
  let cancelPoll = (): void => {};

  const settle = (): void => {
    const now = clock.monotonic();
    settlingSince ??= now;
    cancelSettle();
    const ms = Math.max(0, Math.min(SETTLE_MS, settlingSince + LONGEST_SETTLE_MS - now));
    cancelSettle = clock.after(ms, () => {
      settlingSince = undefined;
      open();
      onMaybeChanged();
    });
  };
  const forget = (dir: string): void => {
    dirs.get(dir)?.watcher.close();
    dirs.delete(dir);
  };
  const open = (): void => {
    for (const dir of new Set(paths.flatMap((path) => [path, dirname(path)]))) {
      const identity = identify(dir);
      if (dirs.get(dir)?.identity === identity) continue;
      forget(dir);
      if (identity === '') continue;
      try {
        const watcher = watch(dir, { persistent: false }, settle);
        watcher.on('error', () => forget(dir));
        dirs.set(dir, { watcher, identity });
      } catch {
        // No watches left, or a file system without them: the periodic look remains.
      }
    }
  };
  const poll = (): void => {
    open();
    onMaybeChanged();
    cancelPoll = clock.after(pollMs, poll);
  };
  open();
  cancelPoll = clock.after(pollMs, poll);
  return {
    stop() {
      for (const dir of [...dirs.keys()]) forget(dir);
      cancelSettle();
      cancelPoll();
    },
  };
}

/**
 * '' for what is no directory. Links are followed. One that is made again at once often gets the number of the one before;
 * file systems that do not know when it was made tell when it changed, which only costs a new watch.
 */
function identify(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    return stat?.isDirectory() === true ? `${stat.dev}:${stat.ino}:${stat.birthtimeNs}` : '';
  } catch {
    return '';
  }
}
