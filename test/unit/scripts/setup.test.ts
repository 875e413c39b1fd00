import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { clonePath, runProgram } from '../../support/processes.ts';

// A clone in which all is done up to Envoy, or is done by an npm that does nothing.
const clone = mkdtempSync(join(tmpdir(), 'setup-'));
afterAll(() => rmSync(clone, { recursive: true, force: true }));
const script = clonePath('scripts', 'setup');
const [, version] = /^NODE_VERSION=(.*)$/m.exec(readFileSync(script, 'utf8')) ?? [];
const platform = `node-linux-${process.arch}`;
const bin = join(clone, '.node', 'node_modules', platform, 'bin');
for (const dir of ['scripts', 'node_modules', 'src/proto/gen'])
  mkdirSync(join(clone, dir), { recursive: true });
mkdirSync(bin, { recursive: true });
copyFileSync(script, join(clone, 'scripts', 'setup'));
symlinkSync(process.execPath, join(bin, 'node'));
writeFileSync(join(bin, 'npm'), '#!/bin/sh\n', { mode: 0o755 });
writeFileSync(join(clone, '.node', 'version'), `${platform}@${version}\n`);
writeFileSync(join(clone, 'package.json'), '{}');
for (const name of ['package-lock.json', '.npmrc', 'src/proto/gen/stamp', 'scripts/generate-proto.ts'])
  writeFileSync(join(clone, name), '');

const setup = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runProgram('/bin/sh', [join(clone, 'scripts', 'setup'), ...args], { env });

test.each(['/bin/true', '/nowhere/envoy'])('ENVOY=%s is refused, and nothing is linked', async (envoy) => {
  const { code, stderr } = await setup([], { ENVOY: envoy });
  expect(stderr).toContain(`ENVOY=${envoy} is not an Envoy that runs here`);
  expect(code).toBe(1);
  expect(existsSync(join(clone, '.cache', 'envoy', '1.40.0', 'envoy'))).toBe(false);
});

test('help is printed, and a flag that does not exist refused, before anything is done', async () => {
  const help = await setup(['--help']);
  expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('ENVOY=/path/to/envoy')]);
  const wrong = await setup(['--fast']);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('--fast: there is nothing')]);
});
