import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { boundEnvoy } from '../../../src/dp/limits/overload.ts';
import { readOverloadTemplates } from '../../../src/dp/limits/templates.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { envoyBinary, startProgram, stopAll } from '../../support/processes.ts';

const dir = mkdtempSync(join(tmpdir(), 'dp-limits-'));
afterEach(() => stopAll());
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const BARE: JsonObject = { node: { id: 'default.a', cluster: 'a' } };
const WARNING = 'no configured limit to the number of allowed active downstream connections';

describe('the real Envoy', () => {
  test.each([
    ['with a memory limit', 128 * 1024 * 1024],
    ['without one', undefined],
  ])(
    'runs with its bounds %s, without the warning that connections have no limit',
    async (_case, heapBytes) => {
      const output = await run(boundEnvoy(BARE, { heapBytes, connections: 1000 }, readOverloadTemplates()));
      expect(output).not.toContain(WARNING);
      expect(output).not.toMatch(/deprecated|\[error\]|\[critical\]/i);
    },
  );

  test('warns when nothing bounds its connections, so that the check above means something', async () => {
    expect(await run(BARE)).toContain(WARNING);
  });
});

/** What an Envoy prints from its start until it serves. */
async function run(bootstrap: JsonObject): Promise<string> {
  const path = join(dir, 'bootstrap.json');
  writeFileSync(path, JSON.stringify(bootstrap));
  const envoy = startProgram(envoyBinary(), [
    '--config-path',
    path,
    '--disable-hot-restart',
    '--concurrency',
    '1',
  ]);
  await envoy.waitForLine('starting main dispatch loop');
  await envoy.stop();
  return envoy.output();
}
