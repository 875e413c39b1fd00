import type { Resource, ResourceKey } from '../../model/resource.ts';
import type { PlannedChange, StateView, StoredResource } from './batch.ts';
import { compareKeys, mapKey } from './keys.ts';
import type { ListQuery } from './store.ts';

/** All resources of a store in memory, with the indexes reads and cascades need. Not safe for use by two writers. */
export class ResourceTable implements StateView {
  readonly #types = new Map<string, Map<string, StoredResource>>();
  /** By owner. */
  readonly #owned = new Map<string, Map<string, ResourceKey>>();
  /** Sorted lists by type, made when asked for and dropped when the type changes. */
  readonly #sorted = new Map<string, readonly Resource[]>();

  get(key: ResourceKey): StoredResource | undefined {
    return this.#types.get(key.type)?.get(mapKey(key));
  }

  list({ type, mesh }: ListQuery): readonly Resource[] {
    const all = this.#sortedOf(type);
    return mesh === undefined ? all : all.filter((resource) => resource.key.mesh === mesh);
  }

  ownedBy(key: ResourceKey): readonly ResourceKey[] {
    return [...(this.#owned.get(mapKey(key))?.values() ?? [])];
  }

  get size(): number {
    let size = 0;
    for (const rows of this.#types.values()) size += rows.size;
    return size;
  }

  put(stored: StoredResource): void {
    const { key } = stored.resource;
    this.#forget(key);
    inner(this.#types, key.type).set(mapKey(key), stored);
    if (stored.owner !== undefined) inner(this.#owned, mapKey(stored.owner)).set(mapKey(key), key);
  }

  /** Takes over a batch that was planned against this table. */
  apply(batch: readonly PlannedChange[]): void {
    for (const { change, owner } of batch) {
      if (change.after === undefined) this.#forget(change.key);
      else this.put({ resource: change.after, ...(owner === undefined ? {} : { owner }) });
    }
  }

  #forget(key: ResourceKey): void {
    this.#sorted.delete(key.type);
    const rows = this.#types.get(key.type);
    const owner = rows?.get(mapKey(key))?.owner;
    rows?.delete(mapKey(key));
    if (owner === undefined) return;
    const owned = this.#owned.get(mapKey(owner));
    owned?.delete(mapKey(key));
    if (owned?.size === 0) this.#owned.delete(mapKey(owner));
  }

  #sortedOf(type: string): readonly Resource[] {
    const known = this.#sorted.get(type);
    if (known !== undefined) return known;
    const rows = [...(this.#types.get(type)?.values() ?? [])].map(({ resource }) => resource);
    const sorted = Object.freeze(rows.sort((a, b) => compareKeys(a.key, b.key)));
    this.#sorted.set(type, sorted);
    return sorted;
  }
}

function inner<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const known = maps.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, V>();
  maps.set(key, made);
  return made;
}
