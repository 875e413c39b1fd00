import type { Resource } from '../../model/resource.ts';
import { StoreError } from '../store/errors.ts';
import type { Store } from '../store/store.ts';

/** Not among the types of the registry, so that no path of the API leads to it. */
const KEY = { type: 'Config', mesh: '', name: 'kuma-cluster-id' } as const;

/**
 * The id of this control plane and all that share its store: made once and kept as long as the store is. It tells
 * clients and reports which mesh installation they talk to, over restarts and renamed hosts.
 */
export async function ensureClusterId(
  store: Pick<Store, 'get' | 'commit'>,
  newId: () => string,
): Promise<string> {
  const known = read(await store.get(KEY));
  if (known !== undefined) return known;
  const id = newId();
  try {
    await store.commit([{ op: 'create', write: { key: KEY, labels: {}, spec: { config: id } } }]);
    return id;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'already-exists') throw error;
    // Another control plane on the same store was first.
    return read(await store.get(KEY)) ?? id;
  }
}

function read(resource: Resource | undefined): string | undefined {
  const { config } = (resource?.spec ?? {}) as { readonly config?: unknown };
  return typeof config === 'string' && config !== '' ? config : undefined;
}
