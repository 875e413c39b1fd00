import { ENDPOINT } from '../../../envoy/type-urls.ts';
import type { DeltaRequest } from '../codec/delta.ts';
import type { SotwRequest } from '../codec/sotw.ts';
import { isComplete, type Resource } from './resource.ts';
import { SentLog } from './sent.ts';
import type { View } from './view.ts';

/** What lies between what an Envoy was told and what it is to have. */
export interface Difference {
  readonly changed: readonly Resource[];
  readonly removed: readonly string[];
  /** Asked for by name, known not to exist, not told yet. */
  readonly absent: readonly string[];
}

/** What a request changed about the names asked for; '*' is the wildcard. */
export interface Asked {
  readonly added: readonly string[];
  readonly dropped: readonly string[];
}

/** Whether an Envoy took a resource (or, with version '', its removal). */
export type Verdict = 'accepted' | 'waiting' | 'not-asked' | { readonly refused: Uint8Array };

export const WILDCARD = '*';
const NO_ERROR = new Uint8Array(0);

/** One type on the stream of one Envoy: what it asked for and what it was sent. */
export class PeerType {
  readonly typeUrl: string;
  readonly sent = new SentLog();
  readonly names = new Set<string>();
  wildcard = false;
  /** The wildcard is answered even when there is nothing to say. */
  owed = false;
  /** Was subscribed to at least once. */
  #started = false;
  readonly #again = new Set<string>();
  /** To be sent again together with the next change: by itself it would look as if all were well. */
  readonly #later = new Set<string>();
  /** SotW: clusters were sent since a repeated request was answered. */
  repeatDue = false;

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  get subscribed(): boolean {
    return this.wildcard || this.names.size > 0;
  }

  isAsked(name: string): boolean {
    return this.wildcard || this.names.has(name);
  }

  /** Rules: xDS protocol, "How the client specifies what resources to return" and "Unsubscribing From Resources". */
  askDelta(request: DeltaRequest, view: View): Asked {
    const first = !this.#started;
    this.#started = true;
    const legacy = first && request.subscribe.length === 0 && isComplete(this.typeUrl);
    const added = legacy ? [WILDCARD] : request.subscribe;
    // A cluster may have begun to warm just before the last stream ended: its assignment is sent in any case.
    if (first && this.typeUrl !== ENDPOINT)
      for (const [name, version] of request.initialVersions) this.#claim(name, version, view);
    const change = this.#change(
      added,
      request.unsubscribe.filter((name) => !added.includes(name)),
    );
    // Names asked for again are answered again. A client with claims is not owed words when nothing is new.
    for (const name of request.subscribe)
      if (!(first && this.sent.told.has(name))) this.sent.told.delete(name);
    if (added.includes(WILDCARD) && request.initialVersions.size === 0) this.owed = true;
    return change;
  }

  /**
   * Every request lists all names. The version a client claims from its last stream is not trusted: a set it refused
   * it may have taken in part, and still claims the one before.
   */
  askSotw(request: SotwRequest): Asked {
    const first = !this.#started;
    this.#started = true;
    const names = new Set(request.resourceNames);
    const legacy =
      names.size === 0 && isComplete(this.typeUrl) && (first || (this.wildcard && this.names.size === 0));
    if (legacy) names.add(WILDCARD);
    const known = [...this.names, ...(this.wildcard ? [WILDCARD] : [])];
    return this.#change(
      [...names].filter((name) => !known.includes(name)),
      known.filter((name) => !names.has(name)),
    );
  }

  sendAgain(name: string): void {
    if (this.isAsked(name)) this.#again.add(name);
  }

  difference(view: View): Difference {
    const changed = new Set<Resource>();
    const removed: string[] = [];
    const absent: string[] = [];
    if (this.wildcard && view.complete) {
      for (const resource of view.all()) if (this.#isDue(resource)) changed.add(resource);
    }
    for (const name of this.names) {
      const resource = view.get(name);
      if (resource === undefined) {
        if (view.isAbsent(name) && !this.sent.told.has(name)) absent.push(name);
      } else if (this.#isDue(resource)) changed.add(resource);
    }
    const late: string[] = [];
    for (const [name, { version }] of this.sent.told) {
      if (version === '' || view.get(name) !== undefined) continue;
      if ((this.wildcard && view.complete) || view.isAbsent(name))
        (this.#later.has(name) ? late : removed).push(name);
    }
    if (changed.size + removed.length > 0) {
      removed.push(...late);
      for (const name of this.#later) {
        const resource = this.isAsked(name) ? view.get(name) : undefined;
        if (resource !== undefined) changed.add(resource);
      }
    }
    return { changed: [...changed], removed, absent };
  }

  /** Notes a response; returns its nonce. */
  markSent(changed: readonly Resource[], gone: readonly string[]): string {
    for (const { name } of changed) this.#again.delete(name);
    if (changed.length > 0) this.#later.clear();
    for (const name of gone) {
      this.#again.delete(name);
      this.#later.delete(name);
    }
    return this.sent.send([
      ...changed.map((resource) => ({ name: resource.name, resource })),
      ...gone.map((name) => ({ name, resource: undefined })),
    ]);
  }

  react(nonce: string, error: Uint8Array | undefined): void {
    const untold = this.sent.react(nonce, error, (name) => this.names.has(name));
    // Where more was sent meanwhile no next change may come.
    const due = this.sent.isNewest(nonce) ? this.#later : this.#again;
    for (const name of untold) due.add(name);
  }

  /** SotW cannot say that a resource named is gone: Envoy drops it with what referred to it. */
  passOver(names: readonly string[]): void {
    for (const name of names) this.sent.claim(name, '', undefined);
  }

  verdict(name: string, version: string): Verdict {
    if (!this.isAsked(name)) return 'not-asked';
    const told = this.sent.told.get(name);
    if (this.#again.has(name)) return 'waiting';
    if (told === undefined) return version === '' ? 'accepted' : 'waiting';
    if (told.version !== version || told.reaction === 'none') return 'waiting';
    return told.reaction === 'refused' ? { refused: told.error ?? NO_ERROR } : 'accepted';
  }

  #isDue({ name, version }: Resource): boolean {
    return this.sent.told.get(name)?.version !== version || this.#again.has(name);
  }

  #change(added: readonly string[], dropped: readonly string[]): Asked {
    const really = { added: [] as string[], dropped: [] as string[] };
    for (const name of added) if (this.#set(name, true)) really.added.push(name);
    for (const name of dropped) if (this.#set(name, false)) really.dropped.push(name);
    return really;
  }

  #set(name: string, asked: boolean): boolean {
    if (name === WILDCARD) {
      if (this.wildcard === asked) return false;
      this.wildcard = asked;
      this.owed = asked;
      if (!asked) for (const told of this.sent.told.keys()) if (!this.names.has(told)) this.sent.forget(told);
      return true;
    }
    if (this.names.has(name) === asked) return false;
    if (asked) {
      this.names.add(name);
      return true;
    }
    this.names.delete(name);
    this.#again.delete(name);
    // Under a wildcard what the client dropped is due to it once more.
    if (this.wildcard) this.sent.told.delete(name);
    else this.sent.forget(name);
    return true;
  }

  #claim(name: string, version: string, view: View): void {
    const resource = view.get(name);
    this.sent.claim(name, version, resource?.version === version ? resource : undefined);
  }
}
