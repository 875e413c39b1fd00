import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { boundEnvoy } from '../../../src/dp/limits/overload.ts';
import { readOverloadTemplates } from '../../../src/dp/limits/templates.ts';
import { envoyBinary } from '../../support/processes.ts';

const dir = mkdtempSync(join(tmpdir(), 'dp-limits-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const BARE = { node: { id: 'default.a', cluster: 'a' } };
const WARNING = 'no configured limit to the number of allowed active downstream connections';

describe('the real Envoy', () => {
  test.each([
    ['with a memory limit', 128 * 1024 * 1024],
    ['without one', undefined],
  ])('takes its bounds %s, without the warning that connections have no limit', (_case, heapBytes) => {
    const bounded = boundEnvoy(BARE, { heapBytes, connections: 1000 }, readOverloadTemplates());
    const { status, text } = validate(bounded);
    expect(text).not.toContain(WARNING);
    expect(text).not.toMatch(/deprecated/i);
    expect(status).toBe(0);
  });

  test('warns when nothing bounds its connections, so that the check above means something', () => {
    expect(validate(BARE).text).toContain(WARNING);
  });
});

test('the version of Envoy that is tested with is there', () => {
  expect(execFileSync(envoyBinary(), ['--version'], { encoding: 'utf8' })).toContain('version:');
});

function validate(bootstrap: object): { readonly status: number | null; readonly text: string } {
  const path = join(dir, 'bootstrap.json');
  writeFileSync(path, JSON.stringify(bootstrap));
  const { status, stdout, stderr } = spawnSync(
    envoyBinary(),
    ['--mode', 'validate', '--config-path', path, '--disable-hot-restart', '--log-level', 'warning'],
    { encoding: 'utf8' },
  );
  return { status, text: `${stdout}\n${stderr}` };
}
