import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { readHostLimits } from '../../../../src/dp/limits/host-limits.ts';

test('this machine has CPUs to run on and a limit on open files', () => {
  const { cpus, files } = readHostLimits();
  expect(cpus.allowed).toBeGreaterThan(0);
  expect(cpus.cores).toBeGreaterThanOrEqual(cpus.allowed);
  expect(files?.hard).toBeGreaterThanOrEqual(files?.soft ?? Number.NaN);
});

test('what a program of Node starts has the hard limit on open files, whatever the soft one was', () => {
  const child = `require('child_process').spawnSync('sh', ['-c', 'ulimit -Sn; ulimit -Hn'], {stdio: 'inherit'})`;
  const { stdout } = spawnSync(
    'sh',
    ['-c', 'ulimit -Sn 300; ulimit -Hn 2000; exec "$0" -e "$1"', process.execPath, child],
    { encoding: 'utf8' },
  );
  expect(stdout).toBe('2000\n2000\n');
});
