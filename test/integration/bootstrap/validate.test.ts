import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { goldenCases } from '../../support/golden.ts';
import { envoyBinary } from '../../support/processes.ts';
import { renderCase, testdata } from '../../unit/cp/bootstrap/support.ts';

const VALID = { code: 0, text: expect.stringMatching(/^configuration '.*' OK$/) };

describe('the real Envoy accepts the bootstrap of', () => {
  // Without a single warning, so nothing deprecated either.
  test.each(goldenCases(testdata))('$name', async ({ input }) => {
    expect(await validate(await renderCase(input))).toEqual(VALID);
  });

  test('and would have refused one whose service is no text', async () => {
    const [first] = goldenCases(testdata);
    const text = await renderCase(first?.input);
    const { code } = await validate(text.replace(/"cluster": "[^"]*"/, 'cluster: yes'));
    expect(code).toBe(1);
  });
});

async function validate(bootstrap: string): Promise<{ readonly code: number; readonly text: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'envoy-bootstrap-'));
  try {
    const file = join(folder, 'bootstrap.yaml');
    await writeFile(file, bootstrap);
    return await new Promise((resolve) => {
      const args = ['--mode', 'validate', '-l', 'warning', '-c', file];
      execFile(envoyBinary(), args, { timeout: 30_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, text: (stdout + stderr).trim() });
      });
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
