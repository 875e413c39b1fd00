import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clonePath, envoyBinary, runProgram, startProgram, stopAll } from '../../support/processes.ts';
import { bootstrapWith, startControlPlane } from '../dp/support/control-plane.ts';
import { withOwnSharedMemory } from './support/own-shm.ts';

let dir: string;
let cp: Awaited<ReturnType<typeof startControlPlane>>;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dp-full-'));
  cp = await startControlPlane(bootstrapWith());
});

afterEach(async () => {
  await stopAll();
  await cp.close();
  rmSync(dir, { recursive: true, force: true });
});

const FILL = 'mount -o remount,size=64k /dev/shm && ! head -c 1000000 /dev/zero > /dev/shm/other';

/** With a /dev/shm that another program filled. */
const kumaDp = (...args: string[]) => {
  const own = ['--cp-address', cp.url, '--name', 'web', '--binary-path', envoyBinary()];
  const dirs = ['--run-dir', join(dir, 'run'), '--state-dir', join(dir, 'state')];
  const program = [process.execPath, clonePath('src/bin/kuma-dp.ts'), ...args, ...own, ...dirs];
  return withOwnSharedMemory(program, FILL) ?? [];
};

describe.skipIf(withOwnSharedMemory([]) === undefined)('where shared memory is full', () => {
  test('Envoy runs without hot restart, which would kill it by SIGBUS', async () => {
    const [program = '', ...rest] = kumaDp('run');
    const agent = startProgram(program, rest);
    await agent.waitForLine(/ ready /);
    expect(agent.output()).toContain('/dev/shm is full');
    expect(agent.output()).toContain('hot restart is off');
    expect(agent.output()).not.toContain('restarting');
  });

  test('the doctor says so, and what to do', async () => {
    const [program = '', ...rest] = kumaDp('doctor');
    const { stdout } = await runProgram(program, rest);
    expect(stdout).toMatch(/warning: \/dev\/shm is full: hot restart is off.*\n +mend: df -h \/dev\/shm/);
  });
});
