import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { describeCommand } from '../../../src/lib/process-id.ts';

test('a command is told by its program and first words, on one line whatever is in them', async () => {
  const child = spawn(process.execPath, [
    '-e',
    'setInterval(() => {},\n\t1000) // \u001b[31m',
    'x'.repeat(200),
  ]);
  try {
    await once(child, 'spawn');
    expect(describeCommand(child.pid ?? 0)).toBe('node -e setInterval(() => {}, 1000) // [31m');
  } finally {
    child.kill('SIGKILL');
  }
});

test('a program of Node is told by its script, past the flags of Node', async () => {
  const child = spawn(process.execPath, [
    '--no-opt',
    '--max-semi-space-size=1',
    '-e',
    'setInterval(() => {}, 1000)',
  ]);
  try {
    await once(child, 'spawn');
    expect(describeCommand(child.pid ?? 0)).toBe('node -e setInterval(() => {}, 1000)');
  } finally {
    child.kill('SIGKILL');
  }
});
