import { expect, test } from 'vitest';
import { runCommand } from '../../../src/lib/command.ts';

test('a command that the system will not even try to start has failed, as any other', async () => {
  const options = { timeoutMs: 5_000 };
  expect(await runCommand('/bin/true', [], options)).toMatchObject({ ok: true, problem: '' });
  expect(await runCommand('/nowhere', [], options)).toMatchObject({ ok: false, problem: 'no such file' });
  expect((await runCommand('/bin/true', ['\0'], options)).ok).toBe(false);
});
