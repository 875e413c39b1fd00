import { WILDCARD } from './peer-type.ts';

/** Names of one type that begin or cease to be wanted. */
export interface UnionChange {
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
}

/** What all Envoys together ask for, counted by name; '*' is the wildcard. */
export class Union {
  readonly #counts = new Map<string, Map<string, number>>();
  /** What `changes` has given out. */
  readonly #wanted = new Map<string, Set<string>>();
  readonly #dirty = new Map<string, Set<string>>();

  add(typeUrl: string, name: string): void {
    this.#count(typeUrl, name, 1);
  }

  remove(typeUrl: string, name: string): void {
    this.#count(typeUrl, name, -1);
  }

  /** Names wanted by type, as of the last `changes`. */
  get wanted(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#wanted;
  }

  isWildcard(typeUrl: string): boolean {
    return this.#wanted.get(typeUrl)?.has(WILDCARD) ?? false;
  }

  /** What changed since the last call. */
  changes(): readonly UnionChange[] {
    const out: UnionChange[] = [];
    for (const [typeUrl, names] of this.#dirty) {
      const wanted = this.#wanted.get(typeUrl) ?? new Set<string>();
      this.#wanted.set(typeUrl, wanted);
      const counts = this.#counts.get(typeUrl);
      const subscribe = [...names].filter((name) => counts?.has(name) && !wanted.has(name));
      const unsubscribe = [...names].filter((name) => !counts?.has(name) && wanted.has(name));
      for (const name of subscribe) wanted.add(name);
      for (const name of unsubscribe) wanted.delete(name);
      if (subscribe.length + unsubscribe.length > 0) out.push({ typeUrl, subscribe, unsubscribe });
    }
    this.#dirty.clear();
    return out;
  }

  #count(typeUrl: string, name: string, by: 1 | -1): void {
    const counts = this.#counts.get(typeUrl) ?? new Map<string, number>();
    this.#counts.set(typeUrl, counts);
    const count = (counts.get(name) ?? 0) + by;
    if (count > 0) counts.set(name, count);
    else counts.delete(name);
    const dirty = this.#dirty.get(typeUrl) ?? new Set<string>();
    this.#dirty.set(typeUrl, dirty.add(name));
  }
}
