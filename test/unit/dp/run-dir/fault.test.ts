import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../src/dp/agent-error.ts';
import { toDiskFault } from '../../../../src/dp/run-dir/fault.ts';

describe('a fault while files are written', () => {
  test('of the file system says what the system said, with a code of the agent', () => {
    let fault: unknown;
    try {
      writeFileSync('/proc/self/nothing/here', '');
    } catch (error) {
      fault = toDiskFault(error);
    }
    expect(fault).toMatchObject({
      code: 'run-dir-unusable',
      message: expect.stringMatching(/^files that Envoy needs cannot be written: ENOENT/) as string,
    });
  });

  test('that the agent knows stays as it is, and a mistake of the program is none', () => {
    const known = new AgentError('port-taken', 'port 1 is taken');
    expect(toDiskFault(known)).toBe(known);
    expect(() => toDiskFault(new TypeError('x is not a function'))).toThrow(TypeError);
  });
});
