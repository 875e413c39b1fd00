import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseEnvoyVersion } from '../../../../src/dp/envoy/version.ts';
import { recallVersion } from '../../../../src/dp/envoy/version-memory.ts';

let dir: string;
let asked = 0;
const memory = () => join(dir, 'below', 'versions.json');
const ask = (build: string) => async () => {
  asked++;
  return parseEnvoyVersion(`version: ${build}`);
};
const BUILD = '9e55/1.40.0/Clean/RELEASE/BoringSSL';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'versions-'));
  asked = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a file is asked once, another file is asked for itself', async () => {
  const file = { memory: memory(), identity: '1:2:3:4' };
  const first = await recallVersion(file, ask(BUILD));
  expect(await recallVersion(file, ask('never'))).toEqual(first);
  expect(first).toEqual({ version: '1.40.0', build: BUILD, supported: true });
  expect(asked).toBe(1);
  const other = await recallVersion({ ...file, identity: '1:2:3:5' }, ask('a/1.39.3/b/c/d'));
  expect(other.version).toBe('1.39.3');
  expect(asked).toBe(2);
});

test.each(['', '{', '[]', '{"1:2:3:4": 5}'])('a memory that holds %j is no memory', async (content) => {
  const path = join(dir, 'versions.json');
  writeFileSync(path, content);
  expect((await recallVersion({ memory: path, identity: '1:2:3:4' }, ask(BUILD))).version).toBe('1.40.0');
  expect(asked).toBe(1);
});

test('where nothing can be written the file is asked each time', async () => {
  const file = { memory: '/dev/null/versions.json', identity: '1' };
  await recallVersion(file, ask(BUILD));
  await recallVersion(file, ask(BUILD));
  expect(asked).toBe(2);
});

test('a binary that tells nothing is not remembered', async () => {
  const file = { memory: memory(), identity: '1' };
  await recallVersion(file, async () => ({ version: '', build: '', supported: false }));
  await recallVersion(file, ask(BUILD));
  expect(asked).toBe(1);
});
