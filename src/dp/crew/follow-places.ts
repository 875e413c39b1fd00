import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import { watchPaths } from '../../lib/watch-paths.ts';
import type { Look, Reader } from './places.ts';

export interface FollowPlacesOptions {
  readonly places: readonly string[];
  readonly reader: Reader;
  /** The look at the start. */
  readonly first: Look;
  /** Takes up a look; true when something is not decided yet and a further look is wanted soon. */
  readonly apply: (look: Look) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Until what is not decided yet is looked at again. */
const AGAIN_MS = 250;

/** Looks at the places whenever something may have changed, one look after the other, until it is stopped. */
export function followPlaces({ places, reader, first, apply, clock, logger }: FollowPlacesOptions): {
  stop(): void;
} {
  let stopped = false;
  let looking = false;
  let lookAgain = false;
  let cancelAgain = (): void => {};

  function take(look: Look): void {
    if (stopped) return;
    cancelAgain();
    if (apply(look)) cancelAgain = clock.after(AGAIN_MS, () => void lookNow());
  }

  async function lookNow(): Promise<void> {
    lookAgain = looking;
    if (looking || stopped) return;
    looking = true;
    try {
      take(await reader.look());
    } catch (error) {
      logger.error({ error: describeError(error) }, 'the files of the Dataplanes cannot be looked at');
    }
    looking = false;
    if (lookAgain) void lookNow();
  }

  const watch = watchPaths(places, { clock, onMaybeChanged: () => void lookNow() });
  take(first);
  return {
    stop() {
      stopped = true;
      cancelAgain();
      watch.stop();
    },
  };
}
