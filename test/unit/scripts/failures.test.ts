import { expect, it } from 'vitest';
import { failuresOfLane } from '../../../scripts/lib/failures.ts';

const passed = { status: 'passed', fullName: 'works', failureMessages: [] };

function report(...testResults: readonly object[]): string {
  return JSON.stringify({ testResults });
}

it('names the file, the title and the first lines of why for each failed test', () => {
  const runner = '    at run (file:///clone/node_modules/vitest/run.js:1:2)';
  const why = [runner, ...Array.from({ length: 30 }, (_, i) => `line ${i}`)].join('\n');
  const [first, second, ...rest] = failuresOfLane(
    report(
      { name: '/clone/test/unit/a.test.ts', message: '', assertionResults: [passed] },
      {
        name: '/clone/test/unit/b.test.ts',
        message: '',
        assertionResults: [
          passed,
          { status: 'failed', fullName: 'an agent starts', failureMessages: [why] },
          { status: 'failed', fullName: 'an agent ends', failureMessages: null },
        ],
      },
    ),
    '/clone',
  );
  expect(first?.split('\n')).toEqual([
    'test/unit/b.test.ts > an agent starts',
    ...Array.from({ length: 12 }, (_, i) => `    line ${i}`),
  ]);
  expect(second).toMatch(/^test\/unit\/b\.test\.ts > an agent ends/);
  expect(rest).toEqual([]);
});

it('names a file that did not load', () => {
  const broken = { name: '/clone/test/unit/c.test.ts', message: 'no such module', assertionResults: [] };
  expect(failuresOfLane(report(broken), '/clone')).toEqual(['test/unit/c.test.ts\n    no such module']);
});

it('has nothing to say of a green lane, nor without a report', () => {
  const green = { name: '/clone/test/unit/a.test.ts', message: '', assertionResults: [passed] };
  expect(failuresOfLane(report(green), '/clone')).toEqual([]);
  expect(failuresOfLane(undefined, '/clone')).toEqual([]);
});
