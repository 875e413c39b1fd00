import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { createMemoryStore } from './memory/memory-store.ts';
import { openSqliteStore } from './sqlite/sqlite-store.ts';
import type { Store } from './store.ts';

/** As in the control plane's configuration; written here again because a store knows nothing of it. */
export type StoreConfig = { readonly type: 'sqlite'; readonly path: string } | { readonly type: 'memory' };

/** The store the configuration names. Throws StoreError when it cannot be opened. */
export async function openStore(
  config: StoreConfig,
  tools: { logger: Logger; clock: Clock },
): Promise<Store> {
  if (config.type === 'sqlite') return openSqliteStore({ path: config.path, ...tools });
  tools.logger.warn({}, 'the store is in memory: everything in it is lost when kuma-cp ends');
  return createMemoryStore(tools);
}
