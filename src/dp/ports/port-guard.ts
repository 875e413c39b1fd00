// Settles who has which port before a listener goes to Envoy. Agents, of any user, settle it among themselves by claims;
// whoever else listens is found in /proc/net. What is taken is looked at again until it is free.
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Decision, decide } from './decide.ts';
import { type Binding, keyOf, type Place, type Taken, toPlace } from './place.ts';
import type { Surroundings } from './surroundings.ts';

/** A listener as far as its sockets go. The same object for the same content. */
export interface GuardedListener {
  readonly name: string;
  readonly bindings: readonly Binding[];
}

export interface GuardedRelay {
  /** What the control plane sent last, and what Envoys have. */
  listeners(): Iterable<GuardedListener>;
  changed(): void;
}

export interface PortGuardOptions {
  readonly surroundings: Surroundings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1); `Math.random` outside tests. */
  readonly random?: () => number;
}

const SOON_MS = 100;
const LATER_MS = 1_000;
/** For so long a taken port is looked at often: its holder may just be ending. */
const SOON_FOR_MS = 3_000;
/** Envoy closes the sockets of a listener some time after it was told that the listener is gone. */
const SWEEP_MS = 2_000;
const NOBODY: GuardedRelay = { listeners: () => [], changed() {} };

/** From `connect` to `stop` it holds the ports of one proxy, whatever becomes of its Envoys. */
export class PortGuard {
  readonly #options: PortGuardOptions;
  readonly #places = new WeakMap<GuardedListener, readonly Place[]>();
  readonly #held = new Map<string, Extract<Decision, { kind: 'held' }>>();
  readonly #taken = new Map<string, Taken & { readonly since: number }>();
  /** Free again, but Envoy was not heard to have their listeners yet. */
  readonly #opening = new Set<string>();
  #relay: GuardedRelay = NOBODY;
  #undecided = new Map<string, Place>();
  #running = false;
  #turn: Promise<void> = Promise.resolve();
  #deciding = false;
  #stopped = false;
  #cancelLook = (): void => {};
  #cancelSweep = (): void => {};

  constructor(options: PortGuardOptions) {
    this.#options = options;
  }

  get deciding(): boolean {
    return this.#deciding;
  }

  get holding(): boolean {
    return this.#taken.size > 0;
  }

  /** What a proxy lacks while listeners are held back, for people. */
  get missing(): readonly string[] {
    return [...this.obstacles, ...[...this.#opening].map((port) => `Envoy to open ${port}`)];
  }

  /** Why listeners are held back, for people; empty when none is. */
  get obstacles(): readonly string[] {
    if (!this.holding) return [];
    return [...new Set([...this.#relay.listeners()].flatMap((listener) => this.obstacle(listener) ?? []))];
  }

  /** How many listeners are. */
  get heldBack(): number {
    if (!this.holding) return 0;
    const all = [...this.#relay.listeners()];
    return new Set(all.flatMap((one) => (this.obstacle(one) === undefined ? [] : one.name))).size;
  }

  connect(relay: GuardedRelay): void {
    this.#relay = relay;
  }

  announce(): void {
    if (this.#stopped) return;
    for (const [key, place] of this.#wanted())
      if (!this.#held.has(key) && !this.#taken.has(key)) this.#undecided.set(key, place);
    if (this.#undecided.size > 0) {
      this.#deciding = true;
      void this.#run();
    }
    this.#sweepSoon();
  }

  verify(): void {
    const places = [...this.#held.values()].map(({ place }) => place);
    for (const taken of this.#options.surroundings.look(places)) {
      this.#held.get(keyOf(taken.place))?.release();
      this.#held.delete(keyOf(taken.place));
      this.#note(taken);
    }
  }

  obstacle(listener: GuardedListener): string | undefined {
    if (!this.holding) return undefined;
    const taken = this.#placesOf(listener).flatMap((place) => this.#taken.get(keyOf(place)) ?? []);
    if (taken.length === 0) return undefined;
    const what = taken.map(({ place, owner }) => `${place.text} is taken by ${owner}`).join(' and ');
    const hint = taken.some(({ byAgent }) => !byAgent) && INBOUND.test(listener.name) ? OWN_APPLICATION : '';
    return `listener ${listener.name} is held back: ${what}${hint}`;
  }

  /** Envoy reacted to listeners it was sent. */
  opened(): void {
    this.#opening.clear();
  }

  /** Lets all ports go: no Envoy of this proxy runs any more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelLook();
    this.#cancelSweep();
    for (const { release } of this.#held.values()) release();
    this.#held.clear();
    this.#taken.clear();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#undecided.size > 0 && !this.#stopped) {
      const places = [...this.#undecided.values()];
      this.#undecided = new Map();
      await this.#decide(places);
    }
    this.#running = false;
    this.#deciding = false;
    if (!this.#stopped) this.#relay.changed();
  }

  /**
   * One decision after the other, and none on what is held: a port that is claimed a second time would be found to be
   * taken, by this agent itself.
   */
  #decide(places: readonly Place[]): Promise<void> {
    this.#turn = this.#turn
      .then(() => this.#decideNow(places.filter((place) => !this.#held.has(keyOf(place)))))
      // What nobody can decide on goes to Envoy: a fault of this agent must not keep it from serving.
      .catch((error: unknown) => {
        this.#options.logger.error({ cause: describeError(error) }, 'ports cannot be looked at');
      });
    return this.#turn;
  }

  async #decideNow(places: readonly Place[]): Promise<void> {
    if (places.length === 0 || this.#stopped) return;
    const mine = (key: string) => this.#held.has(key);
    for (const decision of await decide(places, mine, this.#options.surroundings)) {
      const key = keyOf(decision.place);
      if (this.#stopped) {
        if (decision.kind === 'held') decision.release();
      } else if (decision.kind === 'taken') this.#note(decision);
      else {
        this.#held.set(key, decision);
        if (!this.#taken.delete(key)) continue;
        this.#opening.add(decision.place.text);
        this.#options.logger.info({ port: decision.place.text }, 'a port that was taken is free');
      }
    }
  }

  #note(taken: Taken): void {
    const { clock, logger } = this.#options;
    const key = keyOf(taken.place);
    const before = this.#taken.get(key);
    this.#taken.set(key, { ...taken, since: before?.since ?? clock.monotonic() });
    if (before === undefined) {
      const listeners = this.#listenersAt(key).map(({ name }) => name);
      const text = this.#listenersAt(key).map((listener) => this.obstacle(listener))[0];
      logger.warn({ port: taken.place.text, owner: taken.owner, listeners }, text ?? 'a port is taken');
    }
    this.#lookAgain();
  }

  #lookAgain(): void {
    const { clock, random = Math.random } = this.#options;
    this.#cancelLook();
    const since = Math.max(...[...this.#taken.values()].map((taken) => taken.since));
    const soon = clock.monotonic() - since < SOON_FOR_MS;
    // Two agents that gave way to each other must not look in step.
    const delayMs = (soon ? SOON_MS : LATER_MS) * (0.75 + random() / 2);
    this.#cancelLook = clock.after(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const wanted = this.#wanted();
    const before = this.#taken.size;
    for (const key of this.#taken.keys()) if (!wanted.has(key)) this.#taken.delete(key);
    await this.#decide([...this.#taken.values()].map(({ place }) => place));
    if (this.#stopped) return;
    if (this.#taken.size < before) this.#relay.changed();
    if (this.#taken.size > 0) this.#lookAgain();
  }

  #sweepSoon(): void {
    this.#cancelSweep();
    this.#cancelSweep = this.#options.clock.after(SWEEP_MS, () => this.#sweep());
  }

  /** Lets go what nobody needs any more, once it is closed. */
  #sweep(): void {
    const wanted = this.#wanted();
    const left = [...this.#held].filter(([key]) => !wanted.has(key));
    const open = new Set(this.#options.surroundings.open(left.map(([, { place }]) => place)));
    for (const [key, { place, release }] of left) {
      if (open.has(place)) continue;
      this.#held.delete(key);
      release();
    }
    if (open.size > 0) this.#sweepSoon();
  }

  #wanted(): ReadonlyMap<string, Place> {
    const wanted = new Map<string, Place>();
    for (const listener of this.#relay.listeners())
      for (const place of this.#placesOf(listener)) wanted.set(keyOf(place), place);
    return wanted;
  }

  #listenersAt(key: string): readonly GuardedListener[] {
    return [...this.#relay.listeners()].filter((listener) =>
      this.#placesOf(listener).some((place) => keyOf(place) === key),
    );
  }

  #placesOf(listener: GuardedListener): readonly Place[] {
    let places = this.#places.get(listener);
    if (places === undefined) {
      places = listener.bindings.flatMap((binding) => toPlace(binding) ?? []);
      this.#places.set(listener, places);
    }
    return places;
  }
}

/** How control planes name the listeners in front of an application. */
const INBOUND = /inbound/i;
const OWN_APPLICATION =
  '; an application must not listen where its own proxy does: give it another port or address, and name that as servicePort or serviceAddress of the inbound';
