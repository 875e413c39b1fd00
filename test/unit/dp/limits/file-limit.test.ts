import { expect, test } from 'vitest';
import { readFileLimit } from '../../../../src/dp/limits/file-limit.ts';

const LIMITS = [
  'Limit                     Soft Limit           Hard Limit           Units',
  'Max processes             100                  200                  processes',
  'Max open files            1024                 524288               files',
  'Max locked memory         8388608              8388608              bytes',
].join('\n');

test('the limits on open files are read from /proc', () => {
  expect(readFileLimit((path) => (path === '/proc/self/limits' ? LIMITS : undefined))).toEqual({
    soft: 1024,
    hard: 524288,
  });
});

test('unlimited means as many as the kernel opens', () => {
  expect(
    readFileLimit(() => 'Max open files            unlimited            unlimited            files'),
  ).toEqual({
    soft: 1_048_576,
    hard: 1_048_576,
  });
});

test('where there is no /proc the limit is not known', () => {
  expect(readFileLimit(() => undefined)).toBeUndefined();
});
