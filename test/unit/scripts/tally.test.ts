import { describe, expect, test } from 'vitest';
import { addTallies, formatTally, tallyOfLane } from '../../../scripts/lib/tally.ts';

const report = (passed: number, failed: number, pending = 0, todo = 0) =>
  JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending,
    numTodoTests: todo,
  });

describe('the closing line of a test run', () => {
  test('counts passed and failed tests, and names skipped ones only when there are some', () => {
    expect(formatTally({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(formatTally({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });

  test('is the sum over all lanes', () => {
    const sum = addTallies(tallyOfLane(report(2, 1), false), tallyOfLane(report(5, 0, 1, 1), true));
    expect(sum).toEqual({ passed: 7, failed: 1, skipped: 2 });
  });

  test('says failed when a lane failed without a failing test, such as a file that does not load', () => {
    expect(tallyOfLane(report(5, 0), false)).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });

  test('says failed when a lane ended without any report', () => {
    expect(tallyOfLane(undefined, false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});
