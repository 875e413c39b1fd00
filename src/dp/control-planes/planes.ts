import { type Backoff, createBackoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Given, urlOfGiven } from './given.ts';
import { withMemory } from './memory.ts';
import { orderFor, type Place, toPlace } from './place.ts';
import { type Resolver, resolveGiven } from './resolve.ts';

export interface ControlPlanesOptions {
  /** At least one. */
  readonly given: readonly Given[];
  /** Keep the order in which they were given; else each proxy has one of its own. */
  readonly inOrder: boolean;
  /** Mesh and name: what the order of its own is made of. */
  readonly proxy: string;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

/**
 * Which control plane to talk to. Bootstrap, stream, farewell and health ask the same one: the one in use, until it
 * fails; then the first in order that did not fail lately.
 */
export interface ControlPlanes {
  /** The one in use; undefined before the first answer and after a failure. */
  readonly current: Place | undefined;
  /** Whether there is a choice, as far as the names were resolved; behind a service name there may always be one. */
  readonly several: boolean;
  /** How often a stream was opened elsewhere than the one before. */
  readonly moves: number;
  /** All of them, the preferred one first. Never empty. */
  list(): Promise<readonly Place[]>;
  /** Whom to ask next; of those to avoid only when there is no other. */
  next(avoid?: ReadonlySet<string>): Promise<Place>;
  /** It answered a request; that does not move a stream that is open elsewhere. */
  answered(place: Place): void;
  /** A stream is open there. */
  opened(place: Place): void;
  /** It did not answer a request, or its stream broke or could not be opened. */
  failed(place: Place, what: 'request' | 'stream'): void;
  /** The next stream goes there. */
  prefer(place: Place): void;
}

/** Names are resolved again after this time, and whenever nobody is left to ask. */
const RESOLVE_AFTER_MS = 30_000;
const RESOLVE_TIMEOUT_MS = 3_000;
const COOL_FIRST_MS = 1_000;
const COOL_LONGEST_MS = 30_000;

interface Cooling {
  readonly backoff: Backoff;
  until: number;
}

export function createControlPlanes(options: ControlPlanesOptions): ControlPlanes {
  const { given, inOrder, proxy, resolver, clock, logger, random = Math.random } = options;
  let order: readonly Place[] = given.map((one) => toPlace(urlOfGiven(one)));
  let resolvedAt = Number.NEGATIVE_INFINITY;
  /** While the resolver is asked; settles when it has answered, at the latest when it was waited for long enough. */
  let resolving: Promise<void> | undefined;
  let told = '';
  const remembering = withMemory(resolver, logger);
  let current: Place | undefined;
  let streaming = false;
  let lastOpened = '';
  let moves = 0;
  const cooling = new Map<string, Cooling>();
  /** Since a stream was open, or since all had failed. The others come first: to wait for silent ones takes longer than they cool. */
  const failedOnce = new Set<string>();

  /** One question at a time: a resolver that hangs cannot be called back. */
  function resolve(): Promise<void> {
    const answered = resolveGiven(given, remembering, inOrder)
      .then((found) => {
        if (found.length > 0) order = orderFor(proxy, found);
        resolvedAt = clock.monotonic();
        told = '';
      })
      .catch((error: unknown) => {
        // What was known before is better than nothing.
        resolvedAt = clock.monotonic() - RESOLVE_AFTER_MS + COOL_FIRST_MS;
        tell(describeError(error));
      })
      .finally(() => {
        resolving = undefined;
      });
    return new Promise((done) => {
      const cancel = clock.after(RESOLVE_TIMEOUT_MS, () => {
        tell(`no answer of the resolver within ${RESOLVE_TIMEOUT_MS} ms`);
        done();
      });
      void answered.then(cancel).then(done);
    });
  }

  function tell(cause: string): void {
    if (cause !== told) logger.warn({ cause }, 'the names of the control planes cannot be resolved');
    told = cause;
  }

  async function list(): Promise<readonly Place[]> {
    if (clock.monotonic() - resolvedAt >= RESOLVE_AFTER_MS) resolving ??= resolve();
    await resolving;
    return order;
  }

  const heatOf = ({ key }: Place) => cooling.get(key)?.until ?? Number.NEGATIVE_INFINITY;

  return {
    get current() {
      return current;
    },
    get several() {
      return order.length > 1 || given.length > 1 || given.some(({ kind }) => kind === 'srv');
    },
    get moves() {
      return moves;
    },
    list,
    async next(avoid = new Set()) {
      const places = await list();
      const inUse = current;
      if (inUse !== undefined && !avoid.has(inUse.key)) return inUse;
      const now = clock.monotonic();
      const open = places.filter(({ key }) => !avoid.has(key));
      const pool = open.length > 0 ? open : places;
      const ready = pool.filter((place) => heatOf(place) <= now);
      // All have failed lately: the one whose failure is oldest.
      const best =
        ready.find(({ key }) => !failedOnce.has(key)) ??
        ready[0] ??
        [...pool].sort((a, b) => heatOf(a) - heatOf(b))[0];
      if (best === undefined) throw new Error('there is no control plane to ask');
      return best;
    },
    answered(place) {
      if (!streaming) current = place;
      if (!streaming) cooling.delete(place.key);
    },
    opened(place) {
      failedOnce.clear();
      if (place.key !== lastOpened) moves++;
      lastOpened = place.key;
      current = place;
      streaming = true;
    },
    failed(place, what) {
      // Only the stream itself tells that it is gone.
      if (current?.key === place.key && (what === 'stream' || !streaming)) {
        current = undefined;
        streaming = false;
      }
      const entry = cooling.get(place.key) ?? {
        backoff: createBackoff({ baseMs: COOL_FIRST_MS, maxMs: COOL_LONGEST_MS, random }),
        until: 0,
      };
      entry.until = clock.monotonic() + entry.backoff.next();
      cooling.set(place.key, entry);
      failedOnce.add(place.key);
      if (order.every(({ key }) => failedOnce.has(key))) failedOnce.clear();
    },
    prefer(place) {
      failedOnce.delete(place.key);
      current = place;
      streaming = false;
      cooling.delete(place.key);
    },
  };
}
