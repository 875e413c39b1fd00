// One agent's dealings with its last known good state, from the start with or without the control plane to the end.
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { formatDuration } from '../../lib/duration.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Logger } from '../../lib/logger.ts';
import type { StateOwner } from './files.ts';
import type { AcceptedState } from './generation.ts';
import { createKnownGood, type KnownGood } from './known-good.ts';
import { type AskForBootstrap, startOrGoOffline } from './offline-start.ts';
import { isInMemory, secretsDirIn } from './secrets-place.ts';
import { createStateStore, type SavedGeneration, type SavedState, type StateStore } from './state-store.ts';
import { judgeSaved } from './usable.ts';

export interface SessionOptions {
  /** Parent of all state; '' where there is no place for it. */
  readonly stateDir: string;
  readonly runDir: string;
  /** Name of the proxy's directory in both. */
  readonly instance: string;
  readonly owner: StateOwner;
  readonly secretsOnDisk: boolean;
  readonly graceMs: number;
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Why and since when what is served may be old. */
export interface Staleness {
  readonly cause: string;
  /** Wall time in ms at which the control plane last stood behind it; undefined when the clock does not tell. */
  readonly confirmedAt: number | undefined;
  /** Listeners that need one of these stay closed. */
  readonly missingSecrets: readonly string[];
}

export type Begin =
  | { readonly kind: 'fresh'; readonly bootstrap: JsonObject }
  | {
      /** An Envoy serves already: its bootstrap. */
      readonly kind: 'adopted';
      readonly bootstrap: JsonObject;
      /** The control plane's own of today. Rejects only when the agent stops. */
      readonly fresh: Promise<JsonObject>;
    }
  | {
      readonly kind: 'stale';
      /** As it was saved: without a token. */
      readonly bootstrap: JsonObject;
      /** For the relay; undefined when none was saved. */
      readonly generation: SavedGeneration | undefined;
      /** The control plane's own, once it is back. Rejects only when the agent stops. */
      readonly fresh: Promise<JsonObject>;
    };

export interface StateSession {
  readonly knownGood: KnownGood;
  /** Set while what is served comes from a start without the control plane. */
  readonly stale: Staleness | undefined;
  /** The newest saved generation that a start may use now, whatever the reason; undefined when there is none. */
  readonly usable: SavedGeneration | undefined;
  /** Gets the bootstrap to start with. Rejects as `ask` does when nothing usable is saved. */
  begin(ask: AskForBootstrap<JsonObject>): Promise<Begin>;
  /** Serves what was saved from here on, since the control plane gave a bootstrap but no configuration. */
  markStale(cause: string): void;
  /** All that is served came from the control plane, or was confirmed by it. */
  markFresh(): void;
  /** An Envoy serves with this bootstrap, which holds no token. */
  serving(bootstrap: JsonObject): void;
  /** The serving Envoy accepted this; old state is not made young by it. */
  accepted(state: AcceptedState): void;
}

/** Reads what is there and says what of it cannot be used. */
export function openStateSession(options: SessionOptions): StateSession {
  const { logger, clock, maxAgeMs } = options;
  const store = openStore(options);
  const saved = store?.load();
  for (const line of saved?.refused ?? []) logger.warn({}, `saved state is not used: ${line}`);
  const knownGood = createKnownGood({ store, saved, clock, logger });
  let stale: Staleness | undefined;
  const usable = () => {
    const judged = saved === undefined ? undefined : judgeSaved(saved, clock.now(), maxAgeMs);
    return judged?.ok === true ? saved?.generations[0] : undefined;
  };
  const markStale = (cause: string): void => {
    if (stale !== undefined || saved === undefined) return;
    stale = {
      cause,
      confirmedAt: saved.confirmedAt,
      missingSecrets: saved.generations[0]?.missingSecrets ?? [],
    };
    logStale(options, saved, stale);
  };
  return {
    knownGood,
    get stale() {
      return stale;
    },
    get usable() {
      return usable();
    },
    markStale,
    markFresh() {
      if (stale !== undefined) logger.info({}, 'the configuration is fresh: the control plane confirmed it');
      stale = undefined;
      knownGood.confirm();
    },
    serving(bootstrap) {
      if (stale === undefined) knownGood.offerBootstrap(bootstrap);
    },
    accepted(state) {
      if (stale === undefined) knownGood.offerState(state);
    },
    begin: (ask) => begin(ask, { options, saved, markStale }),
  };
}

/** Lines for people, below the answer of the readiness server and in the status. */
export function describeStale({ cause, confirmedAt, missingSecrets }: Staleness): readonly string[] {
  const since = confirmedAt === undefined ? 'of unknown age' : `of ${new Date(confirmedAt).toISOString()}`;
  const lines = [`STALE: serving the last known good configuration ${since}: ${cause}`];
  if (missingSecrets.length > 0)
    lines.push(`no identity: mTLS listeners stay closed (${missingSecrets.join(', ')})`);
  return lines;
}

function openStore(options: SessionOptions): StateStore | undefined {
  const { stateDir, runDir, instance, owner, secretsOnDisk, clock, logger } = options;
  if (stateDir === '') {
    logger.warn(
      {},
      'no place for state is known: this host cannot start without the control plane (--state-dir)',
    );
    return undefined;
  }
  const dir = join(stateDir, instance);
  const inMemory = secretsDirIn(runDir, instance);
  const secretsDir = secretsOnDisk ? dir : isInMemory(runDir) ? inMemory : undefined;
  return createStateStore({ dir, secretsDir, owner, clock });
}

async function begin(
  ask: AskForBootstrap<JsonObject>,
  about: { options: SessionOptions; saved: SavedState | undefined; markStale: (cause: string) => void },
): Promise<Begin> {
  const { options, saved, markStale } = about;
  const { clock, graceMs, maxAgeMs, logger } = options;
  const judged = saved === undefined ? undefined : judgeSaved(saved, clock.now(), maxAgeMs);
  if (saved?.bootstrap === undefined || judged?.ok !== true) {
    if (saved?.bootstrap !== undefined && judged?.ok === false)
      logger.warn({}, `this start needs the control plane: ${judged.problem}`);
    return { kind: 'fresh', bootstrap: await ask(() => false) };
  }
  const outcome = await startOrGoOffline({ ask, graceMs, clock });
  if (outcome.kind === 'fresh') return outcome;
  markStale(outcome.cause);
  return {
    kind: 'stale',
    bootstrap: saved.bootstrap,
    generation: saved.generations[0],
    fresh: outcome.fresh,
  };
}

function logStale({ clock, logger }: SessionOptions, saved: SavedState, stale: Staleness): void {
  const { confirmedAt, cause } = stale;
  const facts = {
    stale: true,
    controlPlane: saved.controlPlane,
    ...(confirmedAt === undefined
      ? { age: 'unknown, the clock was set back' }
      : { age: formatDuration(Math.round((clock.now() - confirmedAt) / 1000) * 1000) }),
    cause,
  };
  logger.warn(
    facts,
    'control plane cannot be reached: starting with the last known good configuration, STALE',
  );
  if (stale.missingSecrets.length > 0)
    logger.warn({ secrets: stale.missingSecrets }, 'no identity: mTLS listeners stay closed');
}
