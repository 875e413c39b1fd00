import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  clonePath,
  type RunningProgram,
  runProgram,
  startProgram,
  stopAll,
  waitUntil,
} from '../../support/processes.ts';
import { Bench } from '../dp/support/agent.ts';
import { startControlPlane } from '../dp/support/control-plane.ts';

// Each agent has to serve for ten seconds before there is anything to save.
const SAVES = { timeoutMs: 45_000 };
const NOBODY = 65_534;

let bench: Bench;
let cp: Awaited<ReturnType<typeof startControlPlane>>;

beforeEach(async () => {
  bench = new Bench();
  cp = await startControlPlane();
});

afterEach(async () => {
  await stopAll();
  await bench.dispose();
  await cp.close();
});

const mayMount = (await runProgram('unshare', ['--mount', 'true']).catch(() => ({ code: 1 }))).code === 0;
const AS_NOBODY = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
// The clone may lie where only its owner gets to.
const readsClone = [
  'sh',
  '-c',
  `'${process.execPath}' --version && test -r '${clonePath('src', 'bin', 'kuma-dp.ts')}'`,
];
const mayBeOthers =
  process.getuid?.() === 0 && (await runProgram('setpriv', [...AS_NOBODY, ...readsClone])).code === 0;
if (!mayMount) console.warn('SKIPPED: no mount namespace is allowed here');
if (!mayBeOthers) console.warn('SKIPPED: no program of this clone can be run as another user here');

/** `kuma-dp run` behind a shell command that prepares its world; `$STATE` is the state directory. */
function startAgent(prepare: string, way: readonly string[] = []): RunningProgram {
  const state = join(bench.dir, 'state');
  const run = [
    `'${process.execPath}' '${clonePath('src', 'bin', 'kuma-dp.ts')}' run --cp-address ${cp.url} --name a`,
    `--run-dir '${bench.runDir}' --state-dir "$STATE" --binary-path '${bench.fakeEnvoy().path}'`,
  ].join(' ');
  const [file = 'sh', ...args] = [...way, 'sh', '-ec', `${prepare}\nexec ${run}`];
  return startProgram(file, args, { env: { STATE: state } });
}

async function isReady(agent: RunningProgram): Promise<boolean> {
  const address = /http:\/\/127\.0\.0\.1:\d+\/ready/.exec(agent.output())?.[0];
  return address !== undefined && (await fetch(address).catch(() => undefined))?.status === 200;
}

async function expectServingOn(agent: RunningProgram, line: RegExp): Promise<void> {
  await agent.waitForLine(line, SAVES);
  await waitUntil(() => isReady(agent), { timeoutMs: 10_000, describe: agent.output });
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
}

test.runIf(mayMount)('a full disk is told about, and serving goes on', async () => {
  const agent = startAgent(
    'mkdir -p "$STATE"; mount -t tmpfs -o size=64k,mode=700 tmpfs "$STATE"; dd if=/dev/zero of="$STATE/ballast" bs=1k 2>/dev/null || true',
    ['unshare', '--mount'],
  );
  await expectServingOn(agent, /state cannot be saved.*ENOSPC/);
});

test.runIf(mayMount).each([4, 8, 12])(
  'a run directory with %i KiB left ends the start with the file that cannot be written',
  async (left) => {
    const agent = startAgent(
      `mkdir -p '${bench.runDir}'; mount -t tmpfs -o size=64k,mode=700 tmpfs '${bench.runDir}'; dd if=/dev/zero of='${bench.runDir}/ballast' bs=1k count=${64 - left} 2>/dev/null`,
      ['unshare', '--mount'],
    );
    await agent.waitForLine(/^kuma-dp: .* cannot be (used|written): ENOSPC: .* '.*\/default\.a\//m);
    expect((await agent.exited).code).toBe(32);
  },
);

test.runIf(mayMount)('a read-only disk is told about, and serving goes on', async () => {
  const agent = startAgent(
    'mkdir -p "$STATE"; mount -t tmpfs -o mode=700 tmpfs "$STATE"; mount -o remount,ro "$STATE"',
    ['unshare', '--mount'],
  );
  await expectServingOn(agent, /state cannot be saved.*EROFS/);
});

test.runIf(mayBeOthers)(
  'state of another user is neither read nor written, and serving goes on',
  async () => {
    const state = join(bench.dir, 'state');
    mkdirSync(join(state, 'default.a'), { recursive: true, mode: 0o755 });
    writeFileSync(join(state, 'default.a', 'bootstrap'), 'planted', { mode: 0o644 });
    chmodSync(join(state, 'default.a'), 0o755);
    chownSync(bench.dir, NOBODY, NOBODY);
    const agent = startAgent('', ['setpriv', ...AS_NOBODY]);
    await agent.waitForLine(/saved state is not used: .* belongs to user 0, not to 65534/);
    await expectServingOn(agent, /state cannot be saved.*(EACCES|belongs to user 0)/);
    expect(readdirSync(join(state, 'default.a'))).toEqual(['bootstrap']);
  },
);

test('a place that cannot be a directory is told about, and serving goes on', async () => {
  const agent = startAgent('echo file > "$STATE"');
  await expectServingOn(agent, /state cannot be saved.*(ENOTDIR|EEXIST|no directory)/);
});
