import { cleanEnv, type ValidatorSpec } from 'envalid';
import { describe, expect, test } from 'vitest';
import { boolean, duration, integer, list, oneOf, port, portOrZero } from '../../../src/settings/values.ts';

/** Value of the text, or the message it is refused with. */
function read(spec: ValidatorSpec<unknown>, text: string): unknown {
  let outcome: unknown;
  cleanEnv(
    { it: text },
    { it: spec },
    {
      reporter: ({ errors, env }) => {
        outcome = errors.it?.message ?? (env as Record<string, unknown>).it;
      },
    },
  );
  return outcome;
}

describe('values are read from text', () => {
  test.each([
    ['true', true],
    ['ON', true],
    ['1', true],
    ['no', false],
    ['maybe', 'must be true or false, got "maybe"'],
    ['', 'must be true or false, got ""'],
  ])('a switch from %j', (text, outcome) => {
    expect(read(boolean(false), text)).toBe(outcome);
  });

  test.each([
    ['1', 1],
    ['65535', 65535],
    ['0', 'must be a port between 1 and 65535, got "0"'],
    ['65536', 'must be a port between 1 and 65535, got "65536"'],
    ['80 ', 'must be a port between 1 and 65535, got "80 "'],
    ['0x50', 'must be a port between 1 and 65535, got "0x50"'],
    ['-1', 'must be a port between 1 and 65535, got "-1"'],
  ])('a port from %j', (text, outcome) => {
    expect(read(port(1), text)).toBe(outcome);
  });

  test('a port that may be left to the kernel from "0"', () => {
    expect(read(portOrZero(1), '0')).toBe(0);
  });

  test.each([
    ['-3', -3],
    ['3.5', 'must be a whole number, got "3.5"'],
    ['1e3', 'must be a whole number, got "1e3"'],
  ])('a whole number from %j', (text, outcome) => {
    expect(read(integer(0), text)).toBe(outcome);
  });

  test.each([
    ['1m30s', 90_000],
    ['0', 0],
    ['-1s', 'must be a duration such as 500ms, 30s or 5m, got "-1s"'],
    ['5', 'must be a duration such as 500ms, 30s or 5m, got "5"'],
  ])('a duration from %j', (text, outcome) => {
    expect(read(duration(0), text)).toBe(outcome);
  });

  test('one of several words only as it is spelt', () => {
    expect(read(oneOf('a', 'b')('a'), 'b')).toBe('b');
    expect(read(oneOf('a', 'b')('a'), 'B')).toBe('must be one of a, b, got "B"');
  });

  test('a list without empty entries', () => {
    expect(read(list([]), ',a,, b,')).toEqual(['a', 'b']);
    expect(read(list(['x']), '')).toEqual([]);
  });
});
