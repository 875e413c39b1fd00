import { statusMessage } from '../codec/status.ts';
import type { Resource } from './resource.ts';

/** A resource, or undefined for its absence, as part of one response. */
export interface SentItem {
  readonly name: string;
  readonly resource: Resource | undefined;
}

/** What one Envoy was last told about one name. */
export interface Told {
  /** '' means: that it does not exist. */
  readonly version: string;
  /** Number of the response; 0 when Envoy brought it along from its last stream. */
  readonly response: number;
  readonly reaction: 'none' | 'accepted' | 'refused';
  /** The status Envoy refused it with. */
  readonly error?: Uint8Array;
}

/**
 * The responses of one type on one stream, what Envoy knows through them, and what of it Envoy accepted. "Knows" means
 * sent: a refused resource is not sent again before it changes.
 */
export class SentLog {
  readonly told = new Map<string, Told>();
  /** What Envoy runs: accepted, and not refused or removed since. */
  readonly accepted = new Map<string, Resource>();
  readonly #open = new Map<number, readonly SentItem[]>();
  /** Versions that Envoy brought along, of contents that are not known here. */
  readonly #unknown = new Map<string, string>();
  #last = 0;

  /** Envoy reacted to a response at least once. */
  get answered(): boolean {
    return this.#last > 0 && !this.#open.has(1);
  }

  /** Nothing that was sent waits for a reaction. */
  get quiet(): boolean {
    return this.#open.size === 0;
  }

  send(items: readonly SentItem[]): string {
    const response = ++this.#last;
    this.#open.set(response, items);
    for (const { name, resource } of items)
      this.told.set(name, { version: resource?.version ?? '', response, reaction: 'none' });
    return String(response);
  }

  /** What Envoy kept from an earlier stream; `resource` when its content is known here. */
  claim(name: string, version: string, resource: Resource | undefined): void {
    this.told.set(name, { version, response: 0, reaction: 'accepted' });
    if (resource !== undefined) this.accepted.set(name, resource);
    else if (version !== '') this.#unknown.set(name, version);
  }

  /** Every content that Envoy brought along is known here by now. */
  get known(): boolean {
    return this.#unknown.size === 0;
  }

  /** Content of that version; whether it tells what Envoy runs. */
  learn(resources: ReadonlyMap<string, Resource>): boolean {
    let learned = false;
    for (const name of this.#unknown.keys()) {
      const resource = resources.get(name);
      if (resource === undefined || this.told.get(name)?.version !== resource.version) continue;
      this.#unknown.delete(name);
      this.accepted.set(name, resource);
      learned = true;
    }
    return learned;
  }

  forget(name: string): void {
    this.#unknown.delete(name);
    this.told.delete(name);
    this.accepted.delete(name);
  }

  /** `open`: of a response that waits for a reaction; `past`: that had one; `unknown`: of none on this stream. */
  classify(nonce: string): 'open' | 'past' | 'unknown' {
    const response = Number(nonce);
    if (this.#open.has(response)) return 'open';
    return Number.isInteger(response) && response >= 1 && response <= this.#last ? 'past' : 'unknown';
  }

  isNewest(nonce: string): boolean {
    return Number(nonce) === this.#last;
  }

  /**
   * Envoy reacts in order, so responses before this one whose reaction never came were dealt with. A refusal names the
   * resources at fault in its text; when it names none, all of the response are taken for refused. Of an accepted
   * absence only that of a name asked for is remembered.
   *
   * What is not named Envoy may have not even looked at: one invalid resource has it refuse a response as a whole. That
   * is taken for refused, too, and its names are returned: it is due once more.
   */
  react(nonce: string, error: Uint8Array | undefined, isNamed: (name: string) => boolean): readonly string[] {
    const response = Number(nonce);
    let untold: readonly string[] = [];
    for (const [number, items] of this.#open) {
      if (number > response) continue;
      this.#open.delete(number);
      if (number < response || error === undefined) this.#acceptAll(items, number);
      else untold = this.#refuse(items, number, error);
      for (const { name } of items)
        if (
          this.told.get(name)?.version === '' &&
          this.told.get(name)?.reaction === 'accepted' &&
          !isNamed(name)
        )
          this.told.delete(name);
    }
    return untold;
  }

  #refuse(items: readonly SentItem[], response: number, error: Uint8Array): readonly string[] {
    const text = statusMessage(error);
    const isCut = text.endsWith(CUT_OFF);
    // The last word may be the beginning of a longer name.
    const words = isCut ? text.slice(0, -CUT_OFF.length).replace(/\S*$/, '') : text;
    // What goes away is not looked at, so it cannot be at fault.
    const present = items.filter(({ resource }) => resource !== undefined);
    const named = new Set(present.filter(({ name }) => isNamedIn(words, name)));
    const inPart = text.startsWith(IN_PART);
    const tellsAll = named.size === 0 || (inPart && !isCut);
    const guilty = new Set(named.size === 0 || !tellsAll ? present : named);
    const untold: string[] = [];
    for (const item of items) {
      const { name, resource } = item;
      const isNewest = this.told.get(name)?.response === response;
      const left = resource === undefined && !tellsAll && !inPart ? this.#versionOf(name) : undefined;
      if (!guilty.has(item) && left === undefined) this.#accept(item, response);
      else if (isNewest) {
        // What was to go away is still there.
        if (left !== undefined) this.told.set(name, { ...ACCEPTED_BEFORE, version: left });
        else this.told.set(name, { version: resource?.version ?? '', response, reaction: 'refused', error });
        if (!tellsAll && !named.has(item)) untold.push(name);
      }
    }
    return untold;
  }

  /** Of what Envoy has. */
  #versionOf(name: string): string | undefined {
    return this.accepted.get(name)?.version ?? this.#unknown.get(name);
  }

  #acceptAll(items: readonly SentItem[], response: number): void {
    for (const item of items) this.#accept(item, response);
  }

  #accept({ name, resource }: SentItem, response: number): void {
    const told = this.told.get(name);
    // Unsubscribed meanwhile.
    if (told === undefined) return;
    this.#unknown.delete(name);
    if (resource === undefined) this.accepted.delete(name);
    else this.accepted.set(name, resource);
    if (told.response === response) this.told.set(name, { ...told, reaction: 'accepted' });
  }
}

const ACCEPTED_BEFORE = { response: 0, reaction: 'accepted' } as const;
/** How Envoy begins when it took of clusters or listeners what it does not name. */
const IN_PART = 'Error adding/updating ';
/** Envoy's words for a refusal have 4096 bytes at most, and end so where it had more to say. */
const CUT_OFF = '...(truncated)';

/** As a word of its own: resource names hold about any character but are not parts of longer ones. */
function isNamedIn(text: string, name: string): boolean {
  for (let at = text.indexOf(name); name !== '' && at >= 0; at = text.indexOf(name, at + 1)) {
    if (!WORD.test(text.charAt(at - 1)) && !WORD.test(text.charAt(at + name.length))) return true;
  }
  return false;
}

const WORD = /[\w-]/;
