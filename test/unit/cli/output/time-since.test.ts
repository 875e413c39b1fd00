import { describe, expect, test } from 'vitest';
import { formatExactTimeSince, formatTimeSince } from '../../../../src/cli/output/time-since.ts';

const now = Date.parse('2026-01-10T00:00:00Z');
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

describe('the age of a resource', () => {
  test.each([
    [0, '0s'],
    [59, '59s'],
    [60, '1m'],
    [3599, '59m'],
    [3600, '1h'],
    [86_399, '23h'],
    [86_400, '1d'],
    [364 * 86_400, '364d'],
    [365 * 86_400, '1y'],
    [-30, '0s'],
  ])('%d seconds after it changed is %s', (seconds, text) => {
    expect(formatTimeSince(ago(seconds), now)).toBe(text);
  });

  test('is "never" without a time or with one that is none', () => {
    expect([undefined, '', 'yesterday'].map((time) => formatTimeSince(time, now))).toEqual([
      'never',
      'never',
      'never',
    ]);
  });
});

describe('the age in the view of 0.1', () => {
  test.each([
    [0, '0s'],
    [65, '1m5s'],
    [7384, '2h3m4s'],
    [90_000, '25h0m0s'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(formatExactTimeSince(ago(seconds + 0.9), now)).toBe(text);
  });

  test('is "never" without a time', () => {
    expect(formatExactTimeSince(undefined, now)).toBe('never');
  });
});
