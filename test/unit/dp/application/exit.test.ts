import { expect, test } from 'vitest';
import { describeApplicationExit, toExitCode } from '../../../../src/dp/application/exit.ts';

test.each([
  [{ code: 0, signal: null }, 0, 'exit code 0'],
  [{ code: 3, signal: null }, 3, 'exit code 3'],
  [{ code: null, signal: 'SIGTERM' }, 143, 'killed by SIGTERM'],
  [{ code: null, signal: 'SIGKILL' }, 137, 'killed by SIGKILL'],
] as const)('%o is the exit code %i', (exit, code, text) => {
  expect(toExitCode(exit)).toBe(code);
  expect(describeApplicationExit(exit)).toBe(text);
});
