import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ResourceKey } from '../../model/resource.ts';
import { type PlannedChange, planBatch } from './batch.ts';
import { StoreError } from './errors.ts';
import type { ResourceTable } from './resource-table.ts';
import type { Committed, ListQuery, Mutation, Store } from './store.ts';
import { Subscribers } from './subscribers.ts';

/** What keeps the table of a store that has only one writer. Both run to their end before they return. */
export interface Journal {
  /** Makes a batch durable or throws and leaves everything as it was. */
  append(batch: readonly PlannedChange[], revision: number): void;
  close(): void;
}

export interface TableStoreOptions {
  /** State at `revision`; from here on the store's own. */
  readonly table: ResourceTable;
  readonly revision: number;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The store of a single control plane: reads come from memory, a commit goes to the journal first. An empty
 * batch takes no revision and is not announced. After `close` every call fails with `unavailable`.
 */
export class TableStore implements Store {
  readonly #table: ResourceTable;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #subscribers: Subscribers;
  #revision: number;
  #closed = false;

  constructor({ table, revision, journal, clock, logger }: TableStoreOptions) {
    this.#table = table;
    this.#revision = revision;
    this.#journal = journal;
    this.#clock = clock;
    this.#subscribers = new Subscribers(logger);
  }

  async revision(): Promise<number> {
    this.#mustBeOpen();
    return this.#revision;
  }

  async get(key: ResourceKey) {
    this.#mustBeOpen();
    return this.#table.get(key)?.resource;
  }

  async list(query: ListQuery) {
    this.#mustBeOpen();
    return this.#table.list(query);
  }

  async commit(mutations: readonly Mutation[]): Promise<Committed> {
    this.#mustBeOpen();
    if (mutations.length === 0) return { revision: this.#revision, changes: [] };
    const revision = this.#revision + 1;
    const batch = planBatch(this.#table, mutations, {
      revision,
      time: new Date(this.#clock.now()).toISOString(),
    });
    this.#journal.append(batch, revision);
    this.#table.apply(batch);
    this.#revision = revision;
    const committed = Object.freeze({ revision, changes: Object.freeze(batch.map(({ change }) => change)) });
    this.#subscribers.publish(committed);
    return committed;
  }

  subscribe(listener: (batch: Committed) => void): () => void {
    return this.#subscribers.add(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#subscribers.clear();
    this.#journal.close();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new StoreError('unavailable', 'the store is closed');
  }
}
