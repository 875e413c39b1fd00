import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { adoptKept } from '../../../../src/dp/adoption/adopt.ts';
import { claimInstance } from '../../../../src/dp/run-dir/instance.ts';
import { instancePaths } from '../../../../src/dp/run-dir/paths.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { readCommandLine, readProcessId } from '../../../../src/lib/process-id.ts';
import { waitUntil } from '../../../support/wait-until.ts';

let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'dp-instance-'));
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

test.each([
  ['of another version', '{"format":2,"envoys":[]}'],
  ['cut off', '{"format":1,"mesh":"def'],
  ['gone with the whole run directory, as a service manager removes it', undefined],
])('an Envoy with a record that is %s is ended, and the log says so', async (_what, text) => {
  const paths = instancePaths(join(base, 'run'), 'default', 'web');
  if (text !== undefined) {
    mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
    writeFileSync(paths.kept, text);
  }
  const words = ['-c', 'read -r _', 'envoy', '--config-path', join(paths.dir, 'bootstrap.0.json')];
  const envoy = spawn('/bin/sh', words, { detached: true });
  const pid = envoy.pid ?? 0;
  try {
    await waitUntil(() => readCommandLine(pid).includes('--config-path'));
    const warned: { readonly message: string; readonly pids: unknown }[] = [];
    const instance = await claimInstance(paths);
    const logger = {
      ...silentLogger,
      warn: (fields: Readonly<Record<string, unknown>>, message: string) =>
        void warned.push({ message, pids: fields.pids }),
    };
    expect(await adoptKept(instance, logger)).toBeUndefined();
    await waitUntil(() => readProcessId(pid) === undefined);
    expect(warned).toEqual([
      { pids: [pid], message: expect.stringContaining('wrote down of it cannot be used') as string },
    ]);
    await instance.release();
  } finally {
    envoy.kill('SIGKILL');
  }
});

test('an agent that lives in another network namespace, where its lock is not seen, keeps its directory', async () => {
  const paths = instancePaths(join(base, 'run'), 'default', 'web');
  const other = spawn('/bin/sleep', ['60']);
  try {
    mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
    writeFileSync(paths.agentPid, JSON.stringify(readProcessId(other.pid ?? 0)));
    writeFileSync(paths.agentSocket, '');
    await expect(claimInstance(paths)).rejects.toMatchObject({
      code: 'already-running',
      message: expect.stringContaining(`already running as process ${other.pid}`) as string,
    });
    expect(existsSync(paths.agentSocket)).toBe(true);
    // One that was just killed may look alive for a moment longer than its lock.
    const claim = claimInstance(paths);
    other.kill('SIGKILL');
    await (await claim).release();
  } finally {
    other.kill('SIGKILL');
  }
});
