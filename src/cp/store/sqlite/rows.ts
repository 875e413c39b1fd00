import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { deepFreeze } from '../../../lib/deep-freeze.ts';
import type { Labels, Resource } from '../../../model/resource.ts';
import type { PlannedChange, StoredResource } from '../batch.ts';
import { StoreError } from '../errors.ts';

/** Writes one planned change; prepared once for a database. */
export function createRowWriter(db: DatabaseSync): (planned: PlannedChange) => void {
  const put = db.prepare(`INSERT INTO resources
    (type, mesh, name, revision, spec, labels, creation_time, modification_time, owner_type, owner_mesh, owner_name)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (type, mesh, name) DO UPDATE SET
      revision = excluded.revision, spec = excluded.spec, labels = excluded.labels,
      modification_time = excluded.modification_time,
      owner_type = excluded.owner_type, owner_mesh = excluded.owner_mesh, owner_name = excluded.owner_name`);
  const remove = db.prepare('DELETE FROM resources WHERE type = ? AND mesh = ? AND name = ?');
  return ({ change: { key, after }, owner }) => {
    if (after === undefined) {
      remove.run(key.type, key.mesh, key.name);
      return;
    }
    const { revision, spec, labels, creationTime, modificationTime } = after;
    const written = [revision, JSON.stringify(spec), JSON.stringify(labels), creationTime, modificationTime];
    const owned = [owner?.type ?? null, owner?.mesh ?? null, owner?.name ?? null];
    put.run(key.type, key.mesh, key.name, ...written, ...owned);
  };
}

export function readRows(db: DatabaseSync): readonly StoredResource[] {
  return db.prepare('SELECT * FROM resources').all().map(toStored);
}

export function readRevision(db: DatabaseSync): number {
  const revision = db.prepare('SELECT revision FROM store_revision').get()?.revision;
  if (typeof revision === 'number') return revision;
  throw new StoreError('corrupt', 'it has no revision; restore a backup');
}

function toStored(row: Record<string, SQLOutputValue>): StoredResource {
  const text = (column: string): string => String(row[column]);
  const resource: Resource = deepFreeze({
    key: { type: text('type'), mesh: text('mesh'), name: text('name') },
    labels: parseColumn(row, 'labels') as Labels,
    creationTime: text('creation_time'),
    modificationTime: text('modification_time'),
    revision: Number(row.revision),
    spec: parseColumn(row, 'spec'),
  });
  if (row.owner_type === null) return { resource };
  return {
    resource,
    owner: { type: text('owner_type'), mesh: text('owner_mesh'), name: text('owner_name') },
  };
}

function parseColumn(row: Record<string, SQLOutputValue>, column: string): unknown {
  try {
    return JSON.parse(String(row[column]));
  } catch (cause) {
    throw new StoreError('corrupt', `${column} of ${row.type} "${row.name}" is not JSON; restore a backup`, {
      cause,
    });
  }
}
