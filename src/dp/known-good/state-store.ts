import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { toContents } from './contents.ts';
import {
  describeUnsafe,
  listNumbered,
  readResources,
  readStateFile,
  type StateOwner,
  writeStateFile,
} from './files.ts';
import type { StateHeader, StateKind } from './format.ts';
import { type AcceptedState, namesIn, splitSecrets } from './generation.ts';

/** What a start finds. Whatever could not be used is told in `refused` and is otherwise as if it were not there. */
export interface SavedState {
  readonly bootstrap: JsonObject | undefined;
  /** Newest first, two at most. */
  readonly generations: readonly SavedGeneration[];
  /** When the control plane last stood behind this state, wall time in ms; undefined when the clock was set back since. */
  readonly confirmedAt: number | undefined;
  /** Origin of the control plane it came from. */
  readonly controlPlane: string;
  readonly refused: readonly string[];
  /** Above all that are there, those that were refused included. */
  readonly nextNumber: number;
}

export interface SavedGeneration {
  /** Grows from one generation to the next. */
  readonly number: number;
  readonly generation: string;
  readonly state: AcceptedState;
  /** Secret resources that belong to it and are lost: listeners that need them stay closed. */
  readonly missingSecrets: readonly string[];
}

/** The files of one proxy. All writing is whole or not at all; a write that fails rejects with the system's error. */
export interface StateStore {
  load(): SavedState;
  saveBootstrap(bootstrap: JsonObject): Promise<void>;
  saveGeneration(saved: {
    readonly number: number;
    readonly generation: string;
    readonly state: AcceptedState;
  }): Promise<void>;
  /** The control plane is there and has nothing newer. */
  confirm(): Promise<void>;
}

export interface StateStoreOptions {
  /** Private directory of the proxy; made when something is written. */
  readonly dir: string;
  /** Where Secret resources go; undefined keeps none. */
  readonly secretsDir: string | undefined;
  readonly owner: StateOwner;
  readonly clock: Pick<Clock, 'now'>;
}

const KEPT_GENERATIONS = 2;

export function createStateStore({ dir, secretsDir, owner, clock }: StateStoreOptions): StateStore {
  const header = (kind: StateKind, more: Partial<StateHeader> = {}): StateHeader => ({
    kind,
    ...owner,
    writtenAt: clock.now(),
    generation: '',
    secrets: [],
    ...more,
  });
  return {
    load: () => load({ dir, secretsDir, owner, clock }),
    saveBootstrap: (bootstrap) =>
      writeStateFile(join(dir, 'bootstrap'), header('bootstrap'), {
        index: null,
        chunks: [Buffer.from(JSON.stringify(bootstrap))],
      }),
    async saveGeneration({ number, generation, state }) {
      const { open, secret } = splitSecrets(state);
      const secrets = namesIn(secret);
      // Keys first: a generation is never there without what it needs.
      if (secretsDir !== undefined && secrets.length > 0)
        await writeStateFile(
          join(secretsDir, `secrets-${number}`),
          header('secrets', { generation }),
          toContents(secret),
        );
      await writeStateFile(
        join(dir, `generation-${number}`),
        header('generation', { generation, secrets }),
        toContents(open),
      );
      await removeBelow(dir, 'generation', number);
      if (secretsDir !== undefined) await removeBelow(secretsDir, 'secrets', number);
    },
    confirm: () =>
      writeStateFile(join(dir, 'confirmation'), header('confirmation'), { index: null, chunks: [] }),
  };
}

async function removeBelow(dir: string, prefix: string, newest: number): Promise<void> {
  // A higher one was refused when it was read, or it would have been counted on.
  for (const number of listNumbered(dir, prefix))
    if (number <= newest - KEPT_GENERATIONS || number > newest)
      await rm(join(dir, `${prefix}-${number}`), { force: true });
}

/** Clocks of hosts are this far apart at most without anything being wrong. */
const CLOCK_TOLERANCE_MS = 60_000;

function load({ dir, secretsDir, owner, clock }: StateStoreOptions): SavedState {
  const refused: string[] = [];
  const unsafe = describeUnsafe(dir);
  if (unsafe !== undefined) return nothing([unsafe]);
  const bootstrap = readStateFile(join(dir, 'bootstrap'), { kind: 'bootstrap', owner, refused });
  const tree = bootstrap === undefined ? undefined : parseTree(bootstrap.contents.chunks[0]);
  if (bootstrap !== undefined && tree === undefined) refused.push(`${join(dir, 'bootstrap')} holds no JSON`);
  const found = listNumbered(dir, 'generation').flatMap((number) => {
    const read = readResources(join(dir, `generation-${number}`), { kind: 'generation', owner, refused });
    return read === undefined ? [] : [{ number, ...read }];
  });
  const confirmation = readStateFile(join(dir, 'confirmation'), { kind: 'confirmation', owner, refused });
  const headers = [bootstrap?.header, ...found.map((g) => g.header), confirmation?.header].filter(
    (h) => h !== undefined,
  );
  const newest = headers.toSorted((a, b) => b.writtenAt - a.writtenAt);
  const possible = newest.find(({ writtenAt }) => writtenAt <= clock.now() + CLOCK_TOLERANCE_MS);
  return {
    bootstrap: tree,
    generations: found.slice(0, KEPT_GENERATIONS).map(({ number, header, state }) => {
      const keys = readKeys(secretsDir, { number, header, owner, refused });
      const has = new Set(namesIn(keys));
      return {
        number,
        generation: header.generation,
        state: { ...state, types: [...state.types, ...keys.types] },
        missingSecrets: header.secrets.filter((name) => !has.has(name)),
      };
    }),
    confirmedAt: possible?.writtenAt,
    controlPlane: (possible ?? newest[0])?.controlPlane ?? '',
    refused,
    nextNumber: (listNumbered(dir, 'generation')[0] ?? 0) + 1,
  };
}

function nothing(refused: readonly string[]): SavedState {
  return {
    bootstrap: undefined,
    generations: [],
    confirmedAt: undefined,
    controlPlane: '',
    refused,
    nextNumber: 1,
  };
}

const NO_KEYS: AcceptedState = { node: undefined, types: [] };

function readKeys(
  secretsDir: string | undefined,
  about: { number: number; header: StateHeader; owner: StateOwner; refused: string[] },
): AcceptedState {
  const { number, header, owner, refused } = about;
  if (secretsDir === undefined || header.secrets.length === 0) return NO_KEYS;
  const unsafe = describeUnsafe(secretsDir);
  if (unsafe !== undefined) {
    refused.push(unsafe);
    return NO_KEYS;
  }
  const keys = readResources(join(secretsDir, `secrets-${number}`), { kind: 'secrets', owner, refused });
  // Keys of another generation under this number are of a state that was lost.
  return keys === undefined || keys.header.generation !== header.generation ? NO_KEYS : keys.state;
}

function parseTree(bytes: Uint8Array | undefined): JsonObject | undefined {
  try {
    const tree: unknown = JSON.parse(Buffer.from(bytes ?? []).toString('utf8'));
    return isJsonObject(tree) ? tree : undefined;
  } catch {
    return undefined;
  }
}
