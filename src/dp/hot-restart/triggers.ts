import type { Clock } from '../../lib/clock.ts';

export interface TriggerOptions {
  readonly clock: Clock;
  /** How often the bootstrap is asked for again, in ms, give or take a fifth; 0: never. */
  readonly refreshMs: number;
  /** Text that differs when Envoy's file is another one; '' when there is none. Undefined: not watched. */
  readonly identity: (() => string) | undefined;
  readonly ask: (cause: string) => void;
  readonly random?: () => number;
}

const WATCH_EVERY_MS = 1_000;

/** Asks for restarts without anybody's wish: time passed, or the binary changed and has been the same for two looks. */
export function startTriggers(options: TriggerOptions): { stop(): void } {
  const { clock, refreshMs, identity, ask, random = Math.random } = options;
  let cancelRefresh = () => {};
  let cancelWatch = () => {};
  const refresh = () => {
    cancelRefresh = clock.after(refreshMs * (0.8 + 0.4 * random()), () => {
      ask('bootstrap refresh');
      refresh();
    });
  };
  if (refreshMs > 0) refresh();
  if (identity !== undefined) {
    let known = identity();
    let seen = known;
    const watch = () => {
      const now = identity();
      // A file that is still being written changes from look to look.
      if (now !== '' && now !== known && now === seen) {
        known = now;
        ask('changed binary');
      }
      seen = now;
      cancelWatch = clock.after(WATCH_EVERY_MS, watch);
    };
    cancelWatch = clock.after(WATCH_EVERY_MS, watch);
  }
  return {
    stop() {
      cancelRefresh();
      cancelWatch();
    },
  };
}
