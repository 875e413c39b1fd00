import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  chooseBaseId,
  clearInitializing,
  isSharedMemoryWritable,
  removeSharedMemory,
  sharedMemoryPath,
} from '../../../../src/dp/hot-restart/shared-memory.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shm-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** As Envoy lays it out: size, version, two mutexes, flags. */
function layOut({ size = 104, version = 11n, flags = 1n, length = 104 } = {}): Buffer {
  const content = Buffer.alloc(length, 7);
  content.writeBigUInt64LE(BigInt(size), 0);
  content.writeBigUInt64LE(version, 8);
  content.writeBigUInt64LE(flags, 96);
  writeFileSync(sharedMemoryPath(5, dir), content);
  return content;
}

describe('the mark of a child that died early', () => {
  test('is taken back, and nothing else in the file changes', () => {
    const before = layOut({ flags: 3n });
    expect(clearInitializing(5, dir)).toBe(true);
    const after = readFileSync(sharedMemoryPath(5, dir));
    expect(after.readBigUInt64LE(96)).toBe(2n);
    expect(after.subarray(0, 96)).toEqual(before.subarray(0, 96));
  });

  test.each([
    ['another version of the layout', { version: 12n }],
    ['another size inside', { size: 112 }],
    ['a longer file', { length: 112 }],
  ])('is left alone in a file with %s', (_what, layout) => {
    const before = layOut(layout);
    expect(clearInitializing(5, dir)).toBe(false);
    expect(readFileSync(sharedMemoryPath(5, dir))).toEqual(before);
  });

  test('cannot be taken back where there is no file', () => {
    expect(clearInitializing(5, dir)).toBe(false);
  });
});

test('an id whose file exists is not chosen: it may belong to an Envoy of somebody else', () => {
  const numbers = [0.5, 0.5, 0.25];
  const first = chooseBaseId(() => 0.5, dir);
  writeFileSync(sharedMemoryPath(first, dir), '');
  const second = chooseBaseId(() => numbers.shift() ?? 0, dir);
  expect(second).not.toBe(first);
  expect(numbers).toEqual([]);
});

test('ids are those that Envoy can multiply by ten', () => {
  for (const random of [0, 0.999_999_999]) {
    const id = chooseBaseId(() => random, dir);
    expect(id).toBeGreaterThan(0);
    expect(id * 10).toBeLessThan(2 ** 31);
  }
});

test('the file goes, also when it is gone already', () => {
  layOut();
  removeSharedMemory(5, dir);
  removeSharedMemory(5, dir);
  expect(clearInitializing(5, dir)).toBe(false);
});

test('a directory that is not there cannot be written', () => {
  expect(isSharedMemoryWritable(dir)).toBe(true);
  expect(isSharedMemoryWritable(join(dir, 'nowhere'))).toBe(false);
});
