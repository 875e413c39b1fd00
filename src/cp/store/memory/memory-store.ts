import { type Clock, systemClock } from '../../../lib/clock.ts';
import { type Logger, silentLogger } from '../../../lib/logger.ts';
import { ResourceTable } from '../resource-table.ts';
import type { Store } from '../store.ts';
import { TableStore } from '../table-store.ts';

export interface MemoryStoreOptions {
  readonly clock?: Clock;
  /** Told of listeners that throw. */
  readonly logger?: Logger;
}

/** A store that ends with the process: for tests and for trying things out. */
export function createMemoryStore({
  clock = systemClock,
  logger = silentLogger,
}: MemoryStoreOptions = {}): Store {
  const journal = { append() {}, close() {} };
  return new TableStore({ table: new ResourceTable(), revision: 0, journal, clock, logger });
}
