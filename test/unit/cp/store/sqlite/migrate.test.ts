import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from '../../../../../src/cp/store/sqlite/migrate.ts';
import { MIGRATIONS } from '../../../../../src/cp/store/sqlite/migrations.ts';
import { createFakeClock } from '../../../../support/fake-clock.ts';

const clock = createFakeClock(Date.parse('2030-01-02T03:04:05Z'));
const one = { version: 1, name: 'one', sql: 'CREATE TABLE one (a TEXT); CREATE TABLE also_one (a TEXT)' };
const two = { version: 2, name: 'two', sql: 'CREATE TABLE two (a TEXT)' };
const broken = { version: 2, name: 'broken', sql: 'CREATE TABLE half (a TEXT); CREATE TABLE one (a TEXT)' };

let db: DatabaseSync;
beforeEach(() => {
  db = new DatabaseSync(':memory:');
});
afterEach(() => db.close());

const tables = () =>
  db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .all()
    .map(({ name }) => name);

describe('migrations', () => {
  test('are taken once each, in order, and recorded with their time', () => {
    expect(migrate(db, { migrations: [one], clock })).toEqual([one]);
    expect(migrate(db, { migrations: [one, two], clock })).toEqual([two]);
    expect(migrate(db, { migrations: [one, two], clock })).toEqual([]);
    expect(tables()).toEqual(['also_one', 'one', 'schema_migrations', 'two']);
    expect(db.prepare('SELECT version, name, applied_at FROM schema_migrations').all()).toMatchObject([
      { version: 1, name: 'one', applied_at: '2030-01-02T03:04:05.000Z' },
      { version: 2, name: 'two' },
    ]);
  });

  test('that fail leave nothing of themselves and can be tried again', () => {
    expect(() => migrate(db, { migrations: [one, broken], clock })).toThrow('already exists');
    expect(tables()).toEqual(['also_one', 'one', 'schema_migrations']);
    expect(migrate(db, { migrations: [one, two], clock })).toEqual([two]);
  });

  test('of a newer kuma-cp are not touched', () => {
    migrate(db, { migrations: [one, two], clock });
    expect(() => migrate(db, { migrations: [one], clock })).toThrow(
      /schema is version 2, this kuma-cp knows 1/,
    );
  });

  test('that are shipped are numbered without gaps', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
  });
});
