import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { directoriesCheck } from '../../../../../src/dp/doctor/checks/directories.ts';
import { aPatient, textOf } from '../support.ts';

const dir = mkdtempSync(join(tmpdir(), 'dp-directories-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('a run directory that is too long for one of several proxies is told', async () => {
  const files = ['a', 'payments-of-customers'].map((name) => {
    const path = join(dir, `${name}.json`);
    const networking = { address: '127.0.0.1', inbound: [{ port: 1, tags: { 'kuma.io/service': name } }] };
    writeFileSync(path, JSON.stringify({ type: 'Dataplane', mesh: 'default', name, networking }));
    return path;
  });
  const defaultRunDir = join(dir, 'r'.repeat(75 - dir.length));
  const patient = await aPatient({ flags: { dataplaneFile: files }, defaultRunDir, defaultStateDir: dir });
  const text = textOf(await directoriesCheck.run(patient, new AbortController().signal));
  expect(text).toContain(`${defaultRunDir}/default.payments-of-customers is too long for unix sockets`);
  expect(text).not.toContain('default.a');
});
