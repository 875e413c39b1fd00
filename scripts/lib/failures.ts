import { relative } from 'node:path';

/** The part of a vitest JSON report that says what failed. */
interface VitestReport {
  readonly testResults?: readonly {
    /** Absolute path of the file. */
    readonly name: string;
    /** Why the file did not load; empty when it did. */
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

const LINES_OF_A_MESSAGE = 12;

/**
 * What failed in a lane, for the end of the output, where somebody who has only its last page finds it: file, full title
 * and the first lines of why, without the runner's own. Empty for a missing report.
 */
export function failuresOfLane(report: string | undefined, root: string): string[] {
  if (report === undefined) return [];
  const { testResults = [] } = JSON.parse(report) as VitestReport;
  return testResults.flatMap(({ name, message = '', assertionResults }) => {
    const file = relative(root, name);
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    if (failed.length === 0) return message === '' ? [] : [failure(file, message)];
    return failed.map(({ fullName, failureMessages }) =>
      failure(`${file} > ${fullName}`, (failureMessages ?? []).join('\n')),
    );
  });
}

function failure(what: string, why: string): string {
  const lines = why
    .split('\n')
    .filter((line) => !/^\s+at .*\/node_modules\//.test(line))
    .slice(0, LINES_OF_A_MESSAGE);
  return [what, ...lines.map((line) => `    ${line}`)].join('\n');
}
