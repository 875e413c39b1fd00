// Keeps what is known to be good: in memory for an Envoy that crashes, on disk for a host that boots while the control
// plane is away. Nothing here ever fails the agent: a disk that cannot be written to is told about and tried again.
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Logger } from '../../lib/logger.ts';
import { type AcceptedState, contentOf, generationOf } from './generation.ts';
import { createProver, type Prover } from './prover.ts';
import type { SavedState, StateStore } from './state-store.ts';

export interface KnownGoodOptions {
  /** Undefined where there is no place for state. */
  readonly store: StateStore | undefined;
  /** What the start found, whether it is used or not. */
  readonly saved: SavedState | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A configuration to go back to. */
export interface GoodGeneration {
  readonly generation: string;
  readonly state: AcceptedState;
}

export interface KnownGood {
  /** The newest configuration an Envoy served with for a while. */
  readonly current: GoodGeneration | undefined;
  /** The newest good one that is not the one under suspicion. */
  previous(suspect: string): GoodGeneration | undefined;
  /** The serving Envoy was started with this bootstrap, as it was received. */
  offerBootstrap(bootstrap: JsonObject): void;
  /** The serving Envoy has accepted this. The control plane sent it in this run. */
  offerState(state: AcceptedState): void;
  /** The control plane is connected and all it sent was accepted. Cheap; call it as often as it is true. */
  confirm(): void;
  /** Envoy crashed, or another one takes over. */
  envoyEnded(): void;
  /** Why nothing is saved at the moment; undefined when all is well. */
  readonly problem: string | undefined;
  /** Resolves when nothing is being written any more, or a disk that hangs was waited for long enough. */
  stop(): Promise<void>;
}

/** Long enough for a configuration to be used, short enough that a reboot rarely comes before. */
const PROVEN_AFTER_MS = 10_000;
/** Endpoints alone change often; the disk need not follow at once. */
const CONTENT_EVERY_MS = 60_000;
const CONFIRM_EVERY_MS = 600_000;
const STOP_WITHIN_MS = 1_000;

interface Slot extends GoodGeneration {
  readonly number: number;
  readonly content: string;
}

export function createKnownGood(options: KnownGoodOptions): KnownGood {
  return new Keeper(options);
}

class Keeper implements KnownGood {
  readonly #options: KnownGoodOptions;
  readonly #states: Prover<AcceptedState>;
  readonly #bootstraps: Prover<JsonObject>;
  #slots: readonly Slot[];
  #nextNumber: number;
  #bootstrap: string | undefined;
  #savedContentAt = Number.NEGATIVE_INFINITY;
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #cancelLater: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #problem: string | undefined;
  /** What the disk does not have yet. */
  #unsaved = { bootstrap: undefined as JsonObject | undefined, state: false };
  #stopped = false;

  constructor(options: KnownGoodOptions) {
    this.#options = options;
    const { saved, clock } = options;
    const common = { clock, afterMs: PROVEN_AFTER_MS };
    this.#states = createProver({ ...common, onProven: (state) => this.#takeState(state) });
    this.#bootstraps = createProver({ ...common, onProven: (bootstrap) => this.#takeBootstrap(bootstrap) });
    this.#bootstrap = saved?.bootstrap === undefined ? undefined : JSON.stringify(saved.bootstrap);
    this.#slots = (saved?.generations ?? []).map(({ number, generation, state }) => ({
      number,
      generation,
      state,
      content: contentOf(state),
    }));
    this.#nextNumber = saved?.nextNumber ?? 1;
  }

  get current(): GoodGeneration | undefined {
    return this.#slots[0];
  }

  previous(suspect: string): GoodGeneration | undefined {
    return this.#slots.find(({ generation }) => generation !== suspect);
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  offerBootstrap(bootstrap: JsonObject): void {
    if (JSON.stringify(bootstrap) !== this.#bootstrap) this.#bootstraps.offer(bootstrap);
  }

  offerState(state: AcceptedState): void {
    this.#states.offer(state);
  }

  confirm(): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#confirmedAt < CONFIRM_EVERY_MS || this.#bootstrap === undefined) return;
    this.#confirmedAt = now;
    this.#write((store) => store.confirm());
  }

  envoyEnded(): void {
    this.#states.disprove();
    this.#bootstraps.disprove();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.envoyEnded();
    this.#cancelLater?.();
    if (this.#unsaved.state) this.#saveState();
    const late = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(STOP_WITHIN_MS, late.resolve);
    await Promise.race([this.#writing, late.promise]);
    cancel();
  }

  #takeBootstrap(bootstrap: JsonObject): void {
    this.#bootstrap = JSON.stringify(bootstrap);
    this.#unsaved.bootstrap = bootstrap;
    this.#saveBootstrap();
  }

  #takeState(state: AcceptedState): void {
    const generation = generationOf(state);
    const content = contentOf(state);
    const [newest] = this.#slots;
    if (newest?.content === content) return;
    if (newest?.generation === generation) {
      this.#slots = [{ ...newest, state, content }, ...this.#slots.slice(1)];
      this.#unsaved.state = true;
      this.#saveStateSoon();
      return;
    }
    const slot = { number: this.#nextNumber++, generation, state, content };
    this.#slots = [slot, ...this.#slots.filter((s) => s.generation !== generation)].slice(0, 2);
    this.#unsaved.state = true;
    this.#saveState();
    this.#options.logger.debug({ generation }, 'configuration is known to be good');
  }

  #saveStateSoon(): void {
    const { clock } = this.#options;
    const waitMs = this.#savedContentAt + CONTENT_EVERY_MS - clock.monotonic();
    if (waitMs <= 0) this.#saveState();
    else this.#cancelLater ??= clock.after(waitMs, () => this.#saveState());
  }

  #saveState(): void {
    this.#cancelLater?.();
    this.#cancelLater = undefined;
    this.#savedContentAt = this.#options.clock.monotonic();
    this.#write(async (store) => {
      const [slot] = this.#slots;
      if (slot === undefined || !this.#unsaved.state) return;
      this.#unsaved.state = false;
      try {
        await store.saveGeneration(slot);
      } catch (error) {
        this.#unsaved.state = true;
        throw error;
      }
    });
  }

  #saveBootstrap(): void {
    this.#write(async (store) => {
      const { bootstrap } = this.#unsaved;
      if (bootstrap === undefined) return;
      await store.saveBootstrap(bootstrap);
      if (this.#unsaved.bootstrap === bootstrap) this.#unsaved.bootstrap = undefined;
    });
  }

  /** One write after the other. */
  #write(work: (store: StateStore) => Promise<void>): void {
    const { store, logger } = this.#options;
    if (store === undefined) return;
    this.#writing = this.#writing
      .then(() => work(store))
      .then(
        () => {
          if (this.#unsaved.state || this.#unsaved.bootstrap !== undefined) return this.#tryAgain();
          if (this.#problem !== undefined) logger.info({}, 'the last known good state is saved again');
          this.#problem = undefined;
        },
        (error: unknown) => this.#failed(describeError(error)),
      );
  }

  /** Said once per cause; serving goes on. */
  #failed(problem: string): void {
    const { logger } = this.#options;
    if (problem !== this.#problem)
      logger.warn(
        { cause: problem },
        'the last known good state cannot be saved; serving goes on, but a start without the control plane would use an older one or none',
      );
    this.#problem = problem;
    this.#tryAgain();
  }

  #tryAgain(): void {
    if (this.#stopped) return;
    this.#cancelLater ??= this.#options.clock.after(CONTENT_EVERY_MS, () => {
      this.#cancelLater = undefined;
      if (this.#unsaved.bootstrap !== undefined) this.#saveBootstrap();
      if (this.#unsaved.state) this.#saveState();
    });
  }
}
