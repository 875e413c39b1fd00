import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../lib/clock.ts';

export interface FileWatchOptions {
  readonly clock: Clock;
  /** Between two looks that nobody asked for, in ms. */
  readonly pollMs: number;
  /** To be cheap: called for anything that happens in the directory. */
  readonly onMaybeChanged: () => void;
}

/** Writers of one file need some moments: what happens in them is one change. */
const SETTLE_MS = 50;

/**
 * Looks when something happens in the directory of a file, whatever it is: files are written in place, renamed over,
 * or are links below links. Notices may be lost, and mounts send none: so it also looks again and again. Without a
 * path it does only that.
 */
export function watchFile(path: string | undefined, options: FileWatchOptions): { stop(): void } {
  const { clock, pollMs, onMaybeChanged } = options;
  let watcher: FSWatcher | undefined;
  let cancelSettle: (() => void) | undefined;
  let cancelPoll = (): void => {};
  const settle = (): void => {
    cancelSettle ??= clock.after(SETTLE_MS, () => {
      cancelSettle = undefined;
      onMaybeChanged();
    });
  };
  const open = (): void => {
    if (path === undefined || watcher !== undefined) return;
    try {
      watcher = watch(dirname(path), { persistent: false }, settle);
      // The directory is gone, perhaps to come back as another one.
      watcher.on('error', close);
    } catch {
      watcher = undefined;
    }
  };
  const close = (): void => {
    watcher?.close();
    watcher = undefined;
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
      close();
      cancelPoll();
      cancelSettle?.();
    },
  };
}
