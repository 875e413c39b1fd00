import { expect, test } from 'vitest';
import { deepFreeze } from '../../../src/lib/deep-freeze.ts';

test('freezes objects and arrays at every depth and returns the same value', () => {
  const value = { list: [{ leaf: 1 }], nothing: null };
  expect(deepFreeze(value)).toBe(value);
  expect([value, value.list, value.list[0]].every(Object.isFrozen)).toBe(true);
});

test('leaves scalars alone', () => {
  expect([deepFreeze(1), deepFreeze('x'), deepFreeze(null), deepFreeze(undefined)]).toEqual([
    1,
    'x',
    null,
    undefined,
  ]);
});
