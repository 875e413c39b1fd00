import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { leftoversCheck } from '../../../../../src/dp/doctor/checks/leftovers.ts';
import { peekText } from '../../../../../src/lib/peek.ts';
import { readCommandLine } from '../../../../../src/lib/process-id.ts';
import { waitUntil } from '../../../../support/wait-until.ts';
import { aPatient, textOf } from '../support.ts';

const dir = mkdtempSync(join(tmpdir(), 'dp-leftovers-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const NOBODY = 65_534;

test('shared memory of an Envoy whose memory nobody may look into, as with capabilities of its own, is in use', async () => {
  chmodSync(dir, 0o755);
  const isRoot = process.geteuid?.() === 0;
  const program = join(dir, 'envoy');
  copyFileSync('/bin/sh', program);
  // Who may run a file but not read it may not look into its process either.
  chmodSync(program, 0o111);
  const words = ['-c', 'read -r _', 'envoy', '--base-id', '4711'];
  const envoy = spawn(program, words, isRoot ? { uid: NOBODY, gid: NOBODY } : {});
  const pid = envoy.pid ?? 0;
  writeFileSync(join(dir, 'envoy_shared_memory_47110'), '');
  writeFileSync(join(dir, 'envoy_shared_memory_47120'), '');
  const patient = await aPatient({ shmDir: dir, defaultRunDir: join(dir, 'run'), flags: { name: 'web' } });
  try {
    await waitUntil(() => readCommandLine(pid).includes('--base-id'));
    if (isRoot) process.seteuid?.(NOBODY);
    expect(peekText(`/proc/${pid}/maps`)).toBe('');
    const text = textOf(await leftoversCheck.run(patient, new AbortController().signal));
    expect(text).toContain(`rm ${join(dir, 'envoy_shared_memory_47120')}`);
    expect(text).not.toContain('47110');
  } finally {
    if (isRoot) process.seteuid?.(0);
    envoy.kill('SIGKILL');
  }
});
