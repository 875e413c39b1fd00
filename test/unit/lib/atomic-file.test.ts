import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createFileOnce, replaceFile } from '../../../src/lib/atomic-file.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kuma-atomic-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(scratch, 'case-'));
});
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('a replaced file has the new content, is private and leaves nothing beside it', () => {
  const path = join(folder, 'a');
  writeFileSync(path, 'old', { mode: 0o644 });
  replaceFile(path, 'new');
  expect([readFileSync(path, 'utf8'), modeOf(path), readdirSync(folder)]).toEqual(['new', '600', ['a']]);
});

test('a link is replaced itself; what it points to stays', () => {
  writeFileSync(join(folder, 'victim'), 'old');
  symlinkSync('victim', join(folder, 'a'));
  replaceFile(join(folder, 'a'), 'new');
  expect([readFileSync(join(folder, 'victim'), 'utf8'), readFileSync(join(folder, 'a'), 'utf8')]).toEqual([
    'old',
    'new',
  ]);
});

test('a file is created once only; the second attempt changes nothing', () => {
  const path = join(folder, 'a');
  expect([createFileOnce(path, 'first'), createFileOnce(path, 'second')]).toEqual([true, false]);
  expect([readFileSync(path, 'utf8'), modeOf(path), readdirSync(folder)]).toEqual(['first', '600', ['a']]);
});

test('what a killed predecessor left half-written does not get in the way', () => {
  const path = join(folder, 'a');
  writeFileSync(join(folder, `.a.${process.pid}.tmp`), 'ha');
  expect(createFileOnce(path, 'whole')).toBe(true);
  expect([readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual(['whole', ['a']]);
});

test('a failed replacement leaves the target and no rest', () => {
  const path = join(folder, 'absent', 'a');
  expect(() => replaceFile(path, 'x')).toThrow('ENOENT');
  expect(() => replaceFile(folder, 'x')).toThrow();
  expect(readdirSync(scratch).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
