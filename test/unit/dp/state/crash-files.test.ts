import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeCrashFile } from '../../../../src/dp/state/crash-files.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crashes-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const NOW = Date.parse('2030-01-01T00:00:00Z');
const crash = (at: number) => ({ at, reason: 'killed by SIGSEGV', ranMs: 1, servedMs: 0, tail: ['boom'] });

test('the newest five are kept, also after the clock was set back', () => {
  for (let i = 0; i < 7; i++) writeCrashFile([dir], crash(NOW + i * 1_000));
  expect(readdirSync(dir)).toHaveLength(5);
  const path = writeCrashFile([dir], crash(0)) ?? '';
  expect(path).toContain('1970-01-01');
  expect(existsSync(path)).toBe(true);
  expect(readdirSync(dir)).toHaveLength(5);
});

test('a full disk gets no half file, and the next place is used', () => {
  const [full, other] = [join(dir, 'full'), join(dir, 'other')];
  mkdirSync(full);
  symlinkSync('/dev/full', join(full, '2030-01-01T00-00-00.000Z.log'));
  expect(writeCrashFile([full, other], crash(NOW))).toContain(other);
  expect(readdirSync(full)).toEqual([]);
  expect(readdirSync(other)).toHaveLength(1);
});
