import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findHolder } from '../../../../../src/cp/store/sqlite/holder.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kuma-holder-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const file = join(scratch, 'file');
writeFileSync(file, '');

test('the process that has a file open is found, also by a link to the file', () => {
  const link = join(scratch, 'link');
  symlinkSync(file, link);
  const fd = openSync(file, 'r');
  try {
    expect([findHolder(file), findHolder(link)]).toEqual([process.pid, process.pid]);
  } finally {
    closeSync(fd);
  }
  expect(findHolder(file)).toBeUndefined();
});

test('nobody is found where /proc does not tell', () => {
  const proc = join(scratch, 'proc');
  expect(findHolder(file, proc)).toBeUndefined();
  // A process that is gone already, and one whose descriptors can not be listed.
  mkdirSync(join(proc, '1', 'fd'), { recursive: true });
  mkdirSync(join(proc, '2'));
  expect(findHolder(file, proc)).toBeUndefined();
});
