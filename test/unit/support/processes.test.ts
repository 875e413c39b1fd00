import { afterEach, describe, expect, test } from 'vitest';
import { allocatePorts } from '../../support/ports.ts';
import { runProgram, startProgram, stopAll, survivors, waitUntil } from '../../support/processes.ts';

afterEach(stopAll);

describe('programs in tests', () => {
  test('a line is found whether it was printed before or after it is asked for', async () => {
    const program = startProgram('sh', [
      '-c',
      'echo ready; read -r line; sleep 0.05; echo later >&2; sleep 60',
    ]);
    expect(await program.waitForLine('ready')).toBe('ready');
    expect(await program.waitForLine(/^lat.r$/)).toBe('later');
  });

  test('waiting for a line ends at once when the program ends without it', async () => {
    const program = startProgram('sh', ['-c', 'echo something else; exit 3']);
    await expect(program.waitForLine('ready', { timeoutMs: 10_000 })).rejects.toThrow(
      /"code":3.*something else/s,
    );
  });

  test('stop gives the program its chance and kills it when it does not take it', async () => {
    const polite = startProgram('sh', ['-c', 'trap "exit 7" TERM; echo up; while :; do sleep 0.01; done']);
    await polite.waitForLine('up');
    expect(await polite.stop()).toEqual({ code: 7, signal: null });
    const deaf = startProgram('sh', ['-c', 'trap "" TERM; echo up; while :; do sleep 0.01; done']);
    await deaf.waitForLine('up');
    expect(await deaf.stop({ timeoutMs: 50 })).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('an orphan in a session of its own is still found and killed', async () => {
    await runProgram('sh', ['-c', 'setsid sleep 60 >/dev/null 2>&1 & exit 0']);
    await waitUntil(() => survivors().length === 1, { describe: 'the orphan' });
    await stopAll();
    expect(survivors()).toEqual([]);
  });

  test('a program that does not end in time is an error that shows what it printed', async () => {
    await expect(runProgram('sh', ['-c', 'echo stuck; sleep 60'], { timeoutMs: 500 })).rejects.toThrow(
      'stuck',
    );
  });

  test('ports are never given twice', async () => {
    const ports = await allocatePorts(200);
    expect(new Set(ports).size).toBe(200);
    expect(ports.every((port) => port < 32_768)).toBe(true);
  });
});
