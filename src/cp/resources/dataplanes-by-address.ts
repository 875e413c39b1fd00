import { keyText, type Resource } from '../../model/resource.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import type { Store } from '../store/store.ts';

/**
 * Who is on one address: the proxies of all meshes by the address of their host and by every further one they want to
 * listen on, loopback apart, which each host has for itself. Follows the store from the first question on.
 */
export class DataplanesByAddress {
  readonly #store: Pick<Store, 'list' | 'subscribe'>;
  readonly #byAddress = new Map<string, Map<string, Resource>>();
  /** What each Dataplane, by its key's text, is listed under. */
  readonly #listed = new Map<string, ReadonlySet<string>>();
  #ready: Promise<void> | undefined;

  constructor(store: Pick<Store, 'list' | 'subscribe'>) {
    this.#store = store;
  }

  /** Those that share an address with this one, itself left out, in the order of their keys. */
  async neighboursOf(dataplane: Resource): Promise<readonly Resource[]> {
    this.#ready ??= this.#follow();
    await this.#ready;
    const found = new Map<string, Resource>();
    for (const address of addressesOf(dataplane)) {
      for (const [key, neighbour] of this.#byAddress.get(address) ?? []) found.set(key, neighbour);
    }
    found.delete(keyText(dataplane.key));
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, neighbour]) => neighbour);
  }

  async #follow(): Promise<void> {
    const seen = new Set<string>();
    this.#store.subscribe(({ changes }) => {
      for (const { key, after } of changes) {
        if (key.type !== 'Dataplane') continue;
        seen.add(keyText(key));
        this.#set(keyText(key), after);
      }
    });
    for (const dataplane of await this.#store.list({ type: 'Dataplane' })) {
      // What was announced meanwhile is newer.
      if (!seen.has(keyText(dataplane.key))) this.#set(keyText(dataplane.key), dataplane);
    }
  }

  #set(key: string, dataplane: Resource | undefined): void {
    for (const address of this.#listed.get(key) ?? []) {
      const others = this.#byAddress.get(address);
      others?.delete(key);
      if (others?.size === 0) this.#byAddress.delete(address);
    }
    this.#listed.delete(key);
    if (dataplane === undefined) return;
    const addresses = addressesOf(dataplane);
    this.#listed.set(key, addresses);
    for (const address of addresses) {
      const there = this.#byAddress.get(address) ?? new Map<string, Resource>();
      this.#byAddress.set(address, there.set(key, dataplane));
    }
  }
}

/** A loopback address says nothing without its host, which is listed in any case. */
export function isHostLocal(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function addressesOf(dataplane: Resource): ReadonlySet<string> {
  const { networking } = dataplane.spec as DataplaneSpec;
  const named = [...(networking.inbound ?? []), ...(networking.outbound ?? [])].map(({ address }) => address);
  const further = named.filter((address) => address !== undefined && !isHostLocal(address));
  return new Set([networking.address, ...further.map(String)]);
}
