import { expect, test } from 'vitest';
import { DOCTOR_EXIT_CODES, EXIT_CODES } from '../../../src/dp/exit-codes.ts';

/** What a shell would have said of the application after "--". */
const SHELL = { 'application-unusable': 126, 'application-not-found': 127 };

test('no two endings share a code, and none collides with those of shells and signals', () => {
  expect(EXIT_CODES).toMatchObject(SHELL);
  const codes = Object.entries(EXIT_CODES).flatMap(([name, code]) => (name in SHELL ? [] : [code]));
  expect(new Set(codes).size).toBe(codes.length);
  expect(codes.every((code) => code >= 0 && code < 64)).toBe(true);
});

test('the doctor tells warnings from errors by its exit code', () => {
  expect(DOCTOR_EXIT_CODES).toEqual({ fine: 0, warnings: 1, errors: 2 });
});
