/** Counts of one step; a check such as the type check counts as one test. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0 };

export function addTallies(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The closing line: `12 passed, 0 failed`, and `, 3 skipped` when some were. */
export function formatTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** The part of a vitest JSON report that counts. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

/**
 * Counts of a lane. `succeeded` is the runner's own verdict: when it says no and no test failed (a file that does not
 * load, an error outside of tests, no report at all), that counts as one failure, so a broken lane is never green.
 */
export function tallyOfLane(report: string | undefined, succeeded: boolean): Tally {
  const read = report === undefined ? undefined : (JSON.parse(report) as VitestReport);
  const failed = read?.numFailedTests ?? 0;
  return {
    passed: read?.numPassedTests ?? 0,
    failed: failed === 0 && !succeeded ? 1 : failed,
    skipped: (read?.numPendingTests ?? 0) + (read?.numTodoTests ?? 0),
  };
}
