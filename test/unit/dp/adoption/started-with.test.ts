import { expect, test } from 'vitest';
import { parseParentShutdown, readParentShutdown } from '../../../../src/dp/adoption/started-with.ts';

test('when the old Envoy ends is what the new one was started with', () => {
  expect(parseParentShutdown(['envoy', '--parent-shutdown-time-s', '12', '--x'])).toBe(12_000);
  expect(parseParentShutdown(['envoy', '--parent-shutdown-time-s'])).toBeUndefined();
  expect(readParentShutdown({ pid: process.pid })).toBeUndefined();
});
