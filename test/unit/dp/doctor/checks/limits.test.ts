import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { limitsCheck } from '../../../../../src/dp/doctor/checks/limits.ts';
import { aPatient, textOf } from '../support.ts';

const dir = mkdtempSync(join(tmpdir(), 'dp-limits-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const MIB = 1024 * 1024;

async function diagnose(mebibytes: number, proxies: number): Promise<string> {
  const files = Array.from({ length: proxies }, (_, i) => {
    const path = join(dir, `p${i}.json`);
    const networking = { address: '127.0.0.1', inbound: [{ port: 1, tags: { 'kuma.io/service': 'a' } }] };
    writeFileSync(path, JSON.stringify({ type: 'Dataplane', mesh: 'default', name: `p${i}`, networking }));
    return path;
  });
  const patient = await aPatient({
    flags: { dataplaneFile: files },
    limits: {
      memory: { bytes: mebibytes * MIB, source: 'memory.max' },
      ...{ cpus: { allowed: 1, cores: 1, quota: undefined }, files: undefined },
    },
  });
  return textOf(await limitsCheck.run(patient, new AbortController().signal));
}

test('memory that is enough for one proxy may be too little for several in one agent', async () => {
  expect(await diagnose(256, 1)).toBe('');
  const text = await diagnose(256, 4);
  expect(text).toContain('memory is limited to 256 MiB by memory.max');
  expect(text).toContain('4 Envoys');
  expect(text).toContain('MemoryMax=');
  expect(await diagnose(1024, 4)).toBe('');
});
