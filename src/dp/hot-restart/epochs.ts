import { chooseBaseId, clearInitializing, removeSharedMemory } from './shared-memory.ts';

/** What an Envoy needs to know to take part in hot restarts. */
export interface EpochOptions {
  readonly baseId: number;
  readonly epoch: number;
  /** Start of the names of the sockets between epochs. */
  readonly socketPath: string;
  /** When the parent ends, after the child took over. */
  readonly parentShutdownMs: number;
  /** Its parent may be gone: start alone then. */
  readonly mayLackParent: boolean;
}

/** The epochs of one agent: their common id and what is known of its health. */
export interface Epochs {
  readonly baseId: number;
  /** A child left its mark and it could not be taken back: no further epoch can start under this id. */
  readonly wedged: boolean;
  options(epoch: number, mayLackParent: boolean): EpochOptions;
  /** Only while no child starts: takes back a mark that a failed one left. False when the id stays wedged. */
  unwedge(): boolean;
  /** A new id, for a start with no other Envoy of this agent alive. */
  renew(): void;
  /** After the last Envoy ended: leaves nothing in /dev/shm. */
  dispose(): void;
}

export interface EpochsOptions {
  readonly socketPath: string;
  readonly parentShutdownMs: number;
  /** Told of each id, to be written down before an Envoy uses it. */
  readonly onBaseId: (baseId: number) => void;
  readonly random?: () => number;
  /** Of the Envoy that is adopted; `none` where that takes part in no hot restart. */
  readonly adopted?: number | 'none' | undefined;
}

export function createEpochs(options: EpochsOptions): Epochs {
  const { socketPath, parentShutdownMs, onBaseId, random, adopted } = options;
  let baseId = typeof adopted === 'number' ? adopted : chooseBaseId(random);
  let wedged = adopted === 'none';
  onBaseId(baseId);
  return {
    get baseId() {
      return baseId;
    },
    get wedged() {
      return wedged;
    },
    options: (epoch, mayLackParent) => ({ baseId, epoch, socketPath, parentShutdownMs, mayLackParent }),
    unwedge() {
      wedged = !clearInitializing(baseId);
      return !wedged;
    },
    renew() {
      removeSharedMemory(baseId);
      baseId = chooseBaseId(random);
      wedged = false;
      onBaseId(baseId);
    },
    dispose: () => removeSharedMemory(baseId),
  };
}
