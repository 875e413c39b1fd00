import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { syncDirectory } from '../../../lib/atomic-file.ts';
import type { Clock } from '../../../lib/clock.ts';
import { StoreError } from '../errors.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';

/** `KUMA`: marks the file as ours in its header. */
const APPLICATION_ID = 0x4b554d41;

/** How long an opener waits for a predecessor that is just ending. The event loop stands still meanwhile. */
const BUSY_TIMEOUT_MS = 500;

/**
 * Opens or makes the file, owned by this process alone until it is closed. The lock is SQLite's own
 * (locking_mode EXCLUSIVE, a kernel lock on the file): it ends with its process, however that ends. Nothing
 * is written before the file is known to be ours and whole.
 */
export function openDatabase(path: string, clock: Clock): DatabaseSync {
  prepareFile(path);
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    db.exec('BEGIN EXCLUSIVE; COMMIT');
    const isNew = checkOwnership(db);
    checkWhole(db);
    db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    if (isNew) db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    migrate(db, { migrations: MIGRATIONS, clock });
    syncDirectory(dirname(path));
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Makes the file 0600 before SQLite sees it; the WAL inherits its mode. An existing file is never opened here:
 * closing any descriptor of it would drop the locks this process may hold on it.
 */
function prepareFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (!existsSync(path)) closeSync(openSync(path, 'wx', 0o600));
  if (!statSync(path).isFile()) throw new StoreError('unavailable', 'it is not a regular file');
  for (const file of [path, `${path}-wal`]) {
    if (existsSync(file) && (statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  }
}

/** True for an empty database; throws for one that another program made. */
function checkOwnership(db: DatabaseSync): boolean {
  if (db.prepare('PRAGMA application_id').get()?.application_id === APPLICATION_ID) return false;
  if (db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n === 0) return true;
  throw new StoreError(
    'corrupt',
    'it is a database of another program; it was left as it is, choose another path',
  );
}

function checkWhole(db: DatabaseSync): void {
  const verdict = Object.values(db.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
  if (verdict !== 'ok') {
    throw new StoreError(
      'corrupt',
      `it is damaged (${verdict}); it was left as it is, restore a backup or move it away`,
    );
  }
}
