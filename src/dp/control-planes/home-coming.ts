import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Place } from './place.ts';
import type { ControlPlanes } from './planes.ts';

export interface HomeComingOptions {
  readonly planes: ControlPlanes;
  /** Whether all that a proxy needs of it works: bootstrap, and a connection for a stream. */
  readonly probe: (place: Place) => Promise<boolean>;
  /** How long a better one must have been well before the stream goes back to it, in ms; 0: it never does. */
  readonly returnAfterMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** The stream is to be opened anew: the chooser prefers another. */
  readonly onReturn: () => void;
}

/** One that fails soon after a return must be well for twice as long the next time, up to this many times. */
const LONGEST_FACTOR = 32;
const LONGEST_PAUSE_MS = 15_000;

/** A better one, and since when it has been well without a stream. */
interface Well {
  readonly key: string;
  readonly since: number;
  readonly neededMs: number;
  /** How often the stream had moved. */
  readonly moves: number;
}

/**
 * Brings the stream back to the control plane this proxy prefers, once that has been well for a while. With jitter, or a
 * whole fleet would come at once; and ever more reluctantly to one that fails again.
 */
export function startHomeComing(options: HomeComingOptions): { stop(): void } {
  const { planes, probe, returnAfterMs, clock, logger, random, onReturn } = options;
  const factors = new Map<string, number>();
  let well: Well | undefined;
  let cancel = (): void => {};
  let stopped = false;
  const jitter = (ms: number) => ms * (1 + random() / 2);

  async function look(): Promise<void> {
    const { current } = planes;
    if (current === undefined) return;
    // It may have been in use meanwhile, and failed.
    if (well?.moves !== planes.moves) well = undefined;
    const order = await planes.list();
    const better = order.slice(
      0,
      Math.max(
        0,
        order.findIndex(({ key }) => key === current.key),
      ),
    );
    for (const place of better) {
      if (!(await probe(place))) {
        if (well?.key === place.key) well = undefined;
        continue;
      }
      if (stopped) return;
      const now = clock.monotonic();
      const factor = factors.get(place.key) ?? 1;
      if (well?.key !== place.key)
        well = { key: place.key, since: now, neededMs: jitter(returnAfterMs * factor), moves: planes.moves };
      if (now - well.since < well.neededMs || planes.current?.key !== current.key) return;
      well = undefined;
      factors.set(place.key, Math.min(factor * 2, LONGEST_FACTOR));
      logger.info({ from: current.key, to: place.key }, 'going back to the preferred control plane');
      planes.prefer(place);
      onReturn();
      return;
    }
    // It stayed well where it is preferred to be: what was before is forgiven.
    if (better.length === 0 && well === undefined) forgive(current.key);
  }

  let steady: { readonly key: string; readonly since: number } | undefined;
  function forgive(key: string): void {
    const now = clock.monotonic();
    if (steady?.key !== key) steady = { key, since: now };
    if (now - steady.since >= returnAfterMs * (factors.get(key) ?? 1) * 2) factors.delete(key);
  }

  function again(): void {
    const pauseMs = jitter(Math.min(LONGEST_PAUSE_MS, Math.max(returnAfterMs / 4, 50)));
    cancel = clock.after(pauseMs, () => {
      if (planes.current?.key !== steady?.key) steady = undefined;
      void look().finally(() => {
        if (!stopped) again();
      });
    });
  }

  if (returnAfterMs > 0) again();
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}
