import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { limitsCheck } from '../../../../../src/dp/doctor/checks/limits.ts';
import { aPatient, textOf } from '../support.ts';

const dir = mkdtempSync(join(tmpdir(), 'dp-limits-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const MIB = 1024 * 1024;

test('a heap given in megabytes where bytes are meant is told: Envoy would refuse every request', async () => {
  const text = await diagnose(256, 1, { maxMemory: '128' });
  expect(text).toContain('--max-memory is 128 bytes');
  expect(text).not.toContain('memory.max');
  expect(await diagnose(64, 1, { maxMemory: String(64 * MIB) })).toBe('');
});

async function diagnose(
  mebibytes: number,
  proxies: number,
  flags: Readonly<Record<string, string>> = {},
): Promise<string> {
  const files = Array.from({ length: proxies }, (_, i) => {
    const path = join(dir, `p${i}.json`);
    const networking = { address: '127.0.0.1', inbound: [{ port: 1, tags: { 'kuma.io/service': 'a' } }] };
    writeFileSync(path, JSON.stringify({ type: 'Dataplane', mesh: 'default', name: `p${i}`, networking }));
    return path;
  });
  const patient = await aPatient({
    flags: { dataplaneFile: files, ...flags },
    readText: (path) => readFile(path, 'utf8'),
    limits: {
      memory: { bytes: mebibytes * MIB, source: 'memory.max' },
      ...{ cpus: { allowed: 1, cores: 1, quota: undefined }, files: undefined },
    },
  });
  expect(patient.violations).toEqual([]);
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
