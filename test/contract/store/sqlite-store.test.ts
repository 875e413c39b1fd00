import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../../src/cp/store/sqlite/open-database.ts';
import { openSqliteStore } from '../../../src/cp/store/sqlite/sqlite-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { create, dataplaneKey, describeStore, meshKey, remove } from './store-contract.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kuma-sqlite-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let files = 0;
const freshPath = (): string => join(scratch, `${files++}`, 'state', 'kuma.db');
const open = (path: string, now = Date.now) =>
  openSqliteStore({ path, logger: silentLogger, clock: { ...systemClock, now } });
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const writer = new URL('../../fixtures/store-writer.ts', import.meta.url).pathname;

const PAGE_BYTES = 4096;

/** Number of the page a table or index begins at, from 1. */
function rootPage(path: string, name: string): number {
  const db = new DatabaseSync(path);
  const sql = 'SELECT rootpage AS page FROM sqlite_schema WHERE name = ?';
  const page = Number(db.prepare(sql).get(name)?.page);
  db.close();
  return page;
}

describeStore('sqlite', (now) => open(freshPath(), now));

describe('sqlite store on its file', () => {
  test('keeps resources, owners and the revision over a restart', async () => {
    const path = freshPath();
    const first = await open(path);
    await first.commit([
      create(meshKey('m'), { v: 1 }),
      create(dataplaneKey('x', 'm'), { a: [1] }, meshKey('m')),
    ]);
    await first.commit([create(meshKey('gone'))]);
    await first.commit([remove(meshKey('gone'))]);
    const before = [await first.get(meshKey('m')), await first.get(dataplaneKey('x', 'm'))];
    await first.close();

    const second = await open(path);
    expect(await second.revision()).toBe(3);
    expect([await second.get(meshKey('m')), await second.get(dataplaneKey('x', 'm'))]).toEqual(before);
    expect((await second.commit([remove(meshKey('m'))])).changes).toHaveLength(2);
    await second.close();
  });

  test('is private: file and log 0600 in a directory made 0700, whatever the umask', async () => {
    const path = freshPath();
    const umask = process.umask(0);
    try {
      const store = await open(path);
      await store.commit([create(meshKey('m'))]);
      expect([modeOf(path), modeOf(`${path}-wal`), modeOf(dirname(path))]).toEqual(['600', '600', '700']);
      await store.close();
    } finally {
      process.umask(umask);
    }
  });

  test('takes back permissions that are too wide', async () => {
    const path = freshPath();
    await (await open(path)).close();
    chmodSync(path, 0o644);
    const store = await open(path);
    expect(modeOf(path)).toBe('600');
    await store.close();
  });

  test('is a write-ahead log that is synced at every commit, and exclusive', () => {
    const db = openDatabase(freshPath(), systemClock);
    const pragma = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    const FULL = 2;
    expect([pragma('journal_mode'), pragma('synchronous'), pragma('locking_mode')]).toEqual([
      'wal',
      FULL,
      'exclusive',
    ]);
    expect(pragma('foreign_keys')).toBe(1);
    db.close();
  });

  test('refuses a second opener and names the file and the process that has it', async () => {
    const path = freshPath();
    const store = await open(path);
    await expect(open(path)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(
        `store file "${path}" is in use by another process (pid ${process.pid})`,
      ),
    });
    const { stderr } = await promisify(execFile)(process.execPath, [writer, path, 'second']).catch(
      (e: unknown) => e as { stderr: string },
    );
    expect(stderr).toContain(`(pid ${process.pid})`);
    expect((await store.commit([create(meshKey('still-mine'))])).revision).toBe(1);
    await store.close();
    await (await open(path)).close();
  });
});

describe('sqlite store on a file it can not use', () => {
  test.each([
    ['text', Buffer.from('type: Mesh\nname: default\n')],
    ['a torn header', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(8192, 7)])],
  ])('says so and leaves the file as it was: %s', async (_what, content) => {
    const path = join(scratch, `bad-${files++}.db`);
    writeFileSync(path, content, { mode: 0o600 });
    await expect(open(path)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(path),
    });
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  test.each(['resources', 'resources_by_owner'])(
    'notices damage in %s and leaves the file as it was',
    async (tree) => {
      const path = freshPath();
      const store = await open(path);
      const padding = 'x'.repeat(500);
      await store.commit(Array.from({ length: 200 }, (_, i) => create(meshKey(`m${i}`), { padding })));
      await store.close();
      const content = readFileSync(path);
      const root = (rootPage(path, tree) - 1) * PAGE_BYTES;
      content.fill(0xff, root, root + PAGE_BYTES);
      writeFileSync(path, content);
      await expect(open(path)).rejects.toMatchObject({
        code: 'corrupt',
        message: expect.stringContaining(path),
      });
      expect(readFileSync(path).equals(content)).toBe(true);
    },
  );

  test("refuses another program's database untouched", async () => {
    const path = join(scratch, `foreign-${files++}.db`);
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE songs (title TEXT)');
    db.close();
    const content = readFileSync(path);
    await expect(open(path)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('another program'),
    });
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  test('refuses a schema from the future', async () => {
    const path = freshPath();
    await (await open(path)).close();
    const db = new DatabaseSync(path);
    db.exec("INSERT INTO schema_migrations VALUES (99, 'future', '2030-01-01')");
    db.close();
    await expect(open(path)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('schema is version 99'),
    });
  });

  test('says which path it can not make', async () => {
    const parent = join(scratch, `plain-${files++}`);
    writeFileSync(parent, '');
    await expect(open(join(parent, 'kuma.db'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(parent),
    });
    mkdirSync(join(scratch, 'a-directory.db'));
    await expect(open(join(scratch, 'a-directory.db'))).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('sqlite store when things end badly', () => {
  test('20 SIGKILLs during writes lose no acknowledged write', { timeout: 120_000 }, async () => {
    const path = freshPath();
    const acknowledged = new Map<string, number>();
    let newest = 0;
    for (let round = 0; round < 20; round++) {
      const child = spawn(process.execPath, [writer, path, `r${round}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const killAfter = 1 + Math.floor(Math.random() * 40);
      let commits = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        const [what, revision, name = ''] = line.split(' ');
        if (what === 'opened') expect(Number(revision)).toBeGreaterThanOrEqual(newest);
        if (what !== 'committed') continue;
        acknowledged.set(name, Number(revision));
        expect(Number(revision)).toBeGreaterThan(newest);
        newest = Number(revision);
        if (++commits === killAfter) setTimeout(() => child.kill('SIGKILL'), Math.random() * 3);
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      expect(child.signalCode).toBe('SIGKILL');
    }
    const store = await open(path);
    const found = new Map(
      (await store.list({ type: 'Mesh' })).map(({ key, revision }) => [key.name, revision]),
    );
    for (const [name, revision] of acknowledged) expect([name, found.get(name)]).toEqual([name, revision]);
    expect(await store.revision()).toBeGreaterThanOrEqual(newest);
    expect(acknowledged.size).toBeGreaterThanOrEqual(20);
    await store.close();
  });

  test('a write the disk refuses changes neither memory nor file', async () => {
    const path = freshPath();
    // The kernel refuses every byte beyond 256 KiB of a file, as a full disk would.
    const limited = `ulimit -f 256; exec "$0" "$@"`;
    const { stdout } = await promisify(execFile)('bash', [
      '-c',
      limited,
      process.execPath,
      writer,
      path,
      'big',
      '20000',
    ]);
    const lines = stdout.trim().split('\n');
    expect(lines.slice(-4, -1)).toEqual(['failed unavailable', 'failed unavailable', 'failed unavailable']);
    const acknowledged = lines.filter((line) => line.startsWith('committed')).length;
    expect(acknowledged).toBeGreaterThan(0);
    expect(lines.at(-1)).toBe(`memory ${acknowledged} ${acknowledged}`);
    const store = await open(path);
    expect([await store.revision(), (await store.list({ type: 'Mesh' })).length]).toEqual([
      acknowledged,
      acknowledged,
    ]);
    await store.close();
  });
});
