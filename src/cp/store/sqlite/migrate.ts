import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../../lib/clock.ts';
import { StoreError } from '../errors.ts';
import type { Migration } from './migrations.ts';

export interface MigrateOptions {
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
}

/** Brings the schema to the newest version, each step in its own transaction; returns the steps that were taken. */
export function migrate(db: DatabaseSync, { migrations, clock }: MigrateOptions): readonly Migration[] {
  db.exec(`CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL
  ) STRICT`);
  const applied = Number(
    db.prepare('SELECT coalesce(max(version), 0) AS version FROM schema_migrations').get()?.version,
  );
  const newest = migrations.at(-1)?.version ?? 0;
  if (applied > newest) {
    throw new StoreError(
      'unavailable',
      `its schema is version ${applied}, this kuma-cp knows ${newest}: it was written by a newer kuma-cp; run that one`,
    );
  }
  const due = migrations.filter(({ version }) => version > applied);
  for (const migration of due) take(db, migration, clock);
  return due;
}

function take(db: DatabaseSync, { version, name, sql }: Migration, clock: Clock): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    db.exec(sql);
    const time = new Date(clock.now()).toISOString();
    db.prepare('INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)').run(
      version,
      name,
      time,
    );
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
