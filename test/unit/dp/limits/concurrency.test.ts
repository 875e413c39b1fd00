import { describe, expect, test } from 'vitest';
import { countCpus, parseConcurrency, resolveConcurrency } from '../../../../src/dp/limits/concurrency.ts';

describe('the value of --concurrency', () => {
  test.each([
    ['auto', 'auto'],
    ['CPUSET', 'cpuset'],
    ['4', 4],
    ['0', 'cpuset'],
  ] as const)('"%s" is understood', (text, choice) => {
    expect(parseConcurrency(text)).toBe(choice);
  });

  test.each(['', '-1', '1.5', 'all', '99999'])('"%s" is refused', (text) => {
    expect(parseConcurrency(text)).toBeUndefined();
  });
});

describe('workers', () => {
  const machine = { allowed: 8, cores: 16, quota: undefined };

  test('auto takes the CPUs the process may run on', () => {
    expect(resolveConcurrency('auto', machine)).toBe(8);
  });

  test('auto rounds a quota up to whole workers', () => {
    expect(resolveConcurrency('auto', { ...machine, quota: 1.2 })).toBe(2);
    expect(resolveConcurrency('auto', { ...machine, quota: 0.1 })).toBe(1);
  });

  test('auto never takes more workers than there are CPUs, however large the quota', () => {
    expect(resolveConcurrency('auto', { ...machine, quota: 64 })).toBe(8);
  });

  test('cpuset leaves the choice to Envoy, a number is that number', () => {
    expect(resolveConcurrency('cpuset', { ...machine, quota: 1 })).toBe(0);
    expect(resolveConcurrency(3, { ...machine, quota: 1 })).toBe(3);
  });

  test('auto leaves the choice to Envoy where nothing is known', () => {
    expect(resolveConcurrency('auto', { allowed: 0, cores: 0, quota: undefined })).toBe(0);
  });
});

test.each([
  ['0', 1],
  ['0-3', 4],
  ['0-3,8', 5],
  ['0-1,4-5,63', 5],
  ['', 0],
  ['x', 0],
])('the cpuset "%s" has %i CPUs', (list, count) => {
  expect(countCpus(list)).toBe(count);
});
