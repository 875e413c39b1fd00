import type { ResourceMap, XdsResource } from '../resource.ts';
import type { Subscription, SubscriptionChange } from '../subscription.ts';

/** Version under which `has` remembers that the client was told a resource does not exist. */
const ABSENT = '';
/** Version of what the client may or may not have: no content has it. */
const UNKNOWN = 'unknown';
const EMPTY: ResourceMap = new Map();

/** What lies between what a client has and what it is to have. */
export interface Difference {
  readonly changed: readonly XdsResource[];
  /** Names the client has and is to lose. */
  readonly removed: readonly string[];
  /** Names the client asked for by name that do not exist, and it was not told so yet. */
  readonly absent: readonly string[];
}

/** Always this object when there is none. */
export const NO_DIFFERENCE: Difference = { changed: [], removed: [], absent: [] };

/**
 * What one client asked for and has of one type: the notion SotW and delta share. "Has" means sent or claimed, not
 * acknowledged: a resource the client refused is not sent again until its version changes.
 */
export class TypeState {
  readonly typeUrl: string;
  #subscription: Subscription | undefined;
  readonly #has = new Map<string, string>();
  readonly #again = new Set<string>();
  /** Names in responses the client has not reacted to, by number of the response. */
  readonly #pending = new Map<number, readonly string[]>();
  /** Names in responses the client refused, and in none it accepted since. */
  readonly #refused = new Set<string>();
  /** The map `has` was last found equal to: while the cache holds this very map there is nothing to compare. */
  #synced: ResourceMap | undefined;
  #sent = 0;
  #acked = 0;
  /** SotW: of the newest response. */
  #sentVersion = '';
  /** An answer is due even if it is empty. */
  answerOwed = false;
  /** Envoy's text when it refused the newest response it reacted to. */
  rejection: string | undefined;

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  get subscription(): Subscription | undefined {
    return this.#subscription;
  }

  subscribe(change: SubscriptionChange): void {
    this.#subscription = change.subscription;
    const forgotten = [...change.asked, ...change.dropped];
    for (const name of change.asked) this.#has.delete(name);
    for (const name of change.dropped) this.#forget(name);
    if (change.wildcardDropped) {
      for (const name of this.#has.keys()) if (!change.subscription.names.has(name)) this.#has.delete(name);
    }
    if (forgotten.length > 0 || change.wildcardAsked || change.wildcardDropped) this.#synced = undefined;
  }

  /** A reconnecting client tells what it kept from its last stream. */
  claim(name: string, version: string): void {
    if (version !== ABSENT) this.#has.set(name, version);
    this.#synced = undefined;
  }

  /** To be sent once more when subscribed to, though unchanged. */
  sendAgain(name: string): void {
    this.#again.add(name);
    this.#synced = undefined;
  }

  difference(map: ResourceMap = EMPTY): Difference {
    const subscription = this.#subscription;
    if (subscription === undefined || this.#synced === map) return NO_DIFFERENCE;
    const changed = this.#changedIn(map, subscription);
    const removed: string[] = [];
    for (const [name, version] of this.#has) if (version !== ABSENT && !map.has(name)) removed.push(name);
    const absent: string[] = [];
    for (const name of subscription.names) if (!map.has(name) && !this.#has.has(name)) absent.push(name);
    if (changed.length + removed.length + absent.length === 0) {
      this.#synced = map;
      for (const name of this.#again) if (!map.has(name)) this.#again.delete(name);
      return NO_DIFFERENCE;
    }
    return { changed, removed, absent };
  }

  #changedIn(map: ResourceMap, { wildcard, names }: Subscription): XdsResource[] {
    const changed: XdsResource[] = [];
    const look = (resource: XdsResource | undefined) => {
      if (resource === undefined) return;
      const due = this.#has.get(resource.name) !== resource.version || this.#again.has(resource.name);
      if (due) changed.push(resource);
    };
    if (wildcard) for (const resource of map.values()) look(resource);
    else for (const name of names) look(map.get(name));
    return changed;
  }

  /** The resources of `map` the client subscribed to. */
  subscribed(map: ResourceMap = EMPTY): XdsResource[] {
    return this.#subscription === undefined ? [] : [...subscribedOf(map, this.#subscription)];
  }

  /** Notes what the next response carries; from here on the client counts as having it. */
  markSent(changed: readonly XdsResource[], gone: readonly string[]): void {
    if (changed.length + gone.length > 0) {
      this.#pending.set(this.#sent + 1, [...changed.map(({ name }) => name), ...gone]);
    }
    for (const { name, version } of changed) {
      this.#has.set(name, version);
      this.#again.delete(name);
    }
    for (const name of gone) {
      if (this.#subscription?.names.has(name)) this.#has.set(name, ABSENT);
      else this.#has.delete(name);
      this.#again.delete(name);
    }
  }

  /** The whole difference to `map` was sent: there is nothing to compare until another map comes. */
  markSynced(map: ResourceMap = EMPTY): void {
    this.#synced = map;
  }

  /** The nonce of the next response: a counter per type and stream. */
  nextNonce(version = ''): string {
    this.answerOwed = false;
    this.#sentVersion = version;
    return String(++this.#sent);
  }

  /** `current`: of the newest response; `late`: of an older one; `repeated`: reacted to before; `unknown`: never sent. */
  classify(nonce: string): 'current' | 'late' | 'repeated' | 'unknown' {
    const n = Number(nonce);
    if (!Number.isInteger(n) || n < 1 || n > this.#sent) return 'unknown';
    if (n <= this.#acked) return 'repeated';
    return n === this.#sent ? 'current' : 'late';
  }

  /** The client reacted to the response with this nonce. */
  react(nonce: string, rejection: string | undefined): void {
    const n = Number(nonce);
    this.#acked = Math.max(this.#acked, n);
    this.rejection = rejection;
    for (const [number, names] of this.#pending) {
      if (number > n) continue;
      this.#pending.delete(number);
      for (const name of names) {
        if (number === n && rejection === undefined) this.#refused.delete(name);
        else this.#refused.add(name);
      }
    }
  }

  /**
   * Names of which nobody knows what the client has: it may have taken parts of a response it refused, or one whose
   * answer was lost, and claims of them nothing or the version before.
   */
  doubts(): ReadonlySet<string> {
    return new Set([...this.#refused, ...[...this.#pending.values()].flat()]);
  }

  /** Whatever the client claims of these names is not believed: they are sent again, or their removal is. */
  distrust(names: Iterable<string>): void {
    const subscription = this.#subscription;
    for (const name of names) {
      if (subscription?.wildcard !== true && subscription?.names.has(name) !== true) continue;
      this.#has.set(name, UNKNOWN);
      this.#refused.add(name);
    }
    this.#synced = undefined;
  }

  /**
   * A second reaction to the newest response takes a refusal back: the client could use it after all. In SotW it names
   * the version that was refused; a request for other names would name the one before.
   */
  mends(rejection: string | undefined, version = ''): boolean {
    return this.rejection !== undefined && rejection === undefined && version === this.#sentVersion;
  }

  /** Nothing sent is waiting for the client's reaction. */
  get quiet(): boolean {
    return this.#sent === this.#acked && !this.answerOwed;
  }

  /**
   * After an unsubscription the client may drop what it had. Under a wildcard the resource is still due to it: sent
   * again if it exists, else its removal.
   */
  #forget(name: string): void {
    if (this.#subscription?.wildcard === true && this.#has.get(name) !== ABSENT) this.#has.set(name, UNKNOWN);
    else this.#has.delete(name);
  }
}

function* subscribedOf(map: ResourceMap, subscription: Subscription): Generator<XdsResource> {
  if (subscription.wildcard) return yield* map.values();
  for (const name of subscription.names) {
    const resource = map.get(name);
    if (resource !== undefined) yield resource;
  }
}
