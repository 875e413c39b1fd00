import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { PlannedChange } from '../batch.ts';
import { StoreError } from '../errors.ts';
import { ResourceTable } from '../resource-table.ts';
import type { Store } from '../store.ts';
import { type Journal, TableStore } from '../table-store.ts';
import { openDatabase } from './open-database.ts';
import { createRowWriter, readRevision, readRows } from './rows.ts';
import { toStoreError } from './sqlite-error.ts';

export interface SqliteStoreOptions {
  /** Made 0600 if it is missing, in a directory made 0700 if it is missing. */
  readonly path: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * The store of a single control plane on one file. The process that opens it owns the file until it closes it
 * or ends: a second opener gets `locked`. So all reads are served from memory and the file only takes the
 * writes. A commit blocks the event loop until the disk has it (`synchronous = FULL`).
 */
export async function openSqliteStore({ path, logger, clock }: SqliteStoreOptions): Promise<Store> {
  const db = translating(path, () => openDatabase(path, clock));
  try {
    const table = new ResourceTable();
    const revision = translating(path, () => {
      for (const stored of readRows(db)) table.put(stored);
      return readRevision(db);
    });
    logger.info({ path, revision, resources: table.size }, 'store opened');
    return new TableStore({ table, revision, journal: new SqliteJournal(db, path), clock, logger });
  } catch (error) {
    db.close();
    throw error;
  }
}

class SqliteJournal implements Journal {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #write: (planned: PlannedChange) => void;
  /** Set once it is not known what the file holds; only a restart helps then. */
  #lost: StoreError | undefined;

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
    this.#write = createRowWriter(db);
  }

  append(batch: readonly PlannedChange[], revision: number): void {
    if (this.#lost !== undefined) throw this.#lost;
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const planned of batch) this.#write(planned);
      this.#db.prepare('UPDATE store_revision SET revision = ? WHERE id = 1').run(revision);
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#restore(revision - 1);
      throw toStoreError(error, this.#path);
    }
  }

  close(): void {
    translating(this.#path, () => this.#db.close());
  }

  /** After a failed write: back to the revision before, and proof that the file agrees. */
  #restore(revision: number): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      if (readRevision(this.#db) === revision) return;
      throw new Error(`it is not at revision ${revision}`);
    } catch (cause) {
      const message = `store file "${this.#path}" is in doubt after a failed write; restart kuma-cp to read it again`;
      this.#lost = new StoreError('unavailable', message, { cause });
    }
  }
}

function translating<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw toStoreError(error, path);
  }
}
