import { expect, test } from 'vitest';
import { EXIT_CODES } from '../../../src/dp/exit-codes.ts';

test('no two endings share a code, and none collides with those of shells and signals', () => {
  const codes = Object.values(EXIT_CODES);
  expect(new Set(codes).size).toBe(codes.length);
  expect(codes.every((code) => code >= 0 && code < 64)).toBe(true);
});
