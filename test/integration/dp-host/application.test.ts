import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { startApplication } from '../../../src/dp/application/process.ts';
import { clonePath, runProgram, startProgram, stopAll } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';

const dir = mkdtempSync(join(tmpdir(), 'dp-application-'));
afterEach(() => stopAll());
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const outputs = { stdout: process.stdout, stderr: process.stderr };

const sh = (script: string, setpriv?: string) =>
  startApplication({
    file: '/bin/sh',
    args: ['-c', script],
    env: process.env,
    setpriv,
    terminal: false,
    ...outputs,
  });

describe('an application', () => {
  test('gives its exit code, or the signal that killed it', async () => {
    expect(await (await sh('exit 3')).exited).toEqual({ code: 3, signal: null });
    expect(await (await sh('kill -SEGV $$')).exited).toEqual({ code: null, signal: 'SIGSEGV' });
  });

  test('is the process itself, also behind setpriv', async () => {
    const file = join(dir, 'pid');
    const application = await sh(`echo $$ > ${file}`, '/usr/bin/setpriv');
    await application.exited;
    expect(Number(readFileSync(file, 'utf8'))).toBe(application.pid);
  });

  test('gets the signals that are passed on', async () => {
    const file = join(dir, 'usr1');
    const application = await sh(
      `trap 'echo got > ${file}; exit 0' USR1; echo up > ${file}; while :; do sleep 0.02; done`,
    );
    await waitUntil(() => existsSync(file));
    application.signal('SIGUSR1');
    expect(await application.exited).toEqual({ code: 0, signal: null });
    expect(readFileSync(file, 'utf8')).toBe('got\n');
  });

  test('that ignores SIGTERM is killed after the time it was given', async () => {
    const file = join(dir, 'stubborn');
    const application = await sh(`trap '' TERM; echo up > ${file}; while :; do sleep 0.02; done`);
    await waitUntil(() => existsSync(file));
    expect(await application.end(300)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('leaves nothing of its process group behind, even what ignores SIGTERM', async () => {
    const file = join(dir, 'child');
    const application = await sh(
      `sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 0.02; done' & wait`,
    );
    const child = await waitUntil(() => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0));
    expect(await application.end(300)).toEqual({ code: null, signal: 'SIGTERM' });
    expect(isRunning(child)).toBe(false);
  });

  test('that ends by itself has its left-over children ended too', async () => {
    const file = join(dir, 'left-over');
    const application = await sh(`sleep 1000 & echo $! > ${file}; exit 0`);
    expect(await application.exited).toEqual({ code: 0, signal: null });
    expect(isRunning(Number(readFileSync(file, 'utf8')))).toBe(false);
  });

  test('is sent nothing more once it has ended: its number may be that of another by then', async () => {
    const application = await sh('while :; do sleep 0.02; done');
    await application.end(10_000);
    const sent: (readonly unknown[])[] = [];
    const { kill } = process;
    process.kill = (...given) => {
      sent.push(given);
      return true;
    };
    try {
      await application.end(0);
      application.signal('SIGUSR1');
      await delay(50);
    } finally {
      process.kill = kill;
    }
    expect(sent).toEqual([]);
  });

  test('that cannot be run is told with its path', async () => {
    const start = startApplication({
      file: join(dir, 'nothing'),
      args: [],
      env: {},
      setpriv: undefined,
      terminal: false,
      ...outputs,
    });
    await expect(start).rejects.toMatchObject({ code: 'application-unusable' });
  });
});

describe('standard input and output', () => {
  test('are those of the agent', async () => {
    const { stdout, stderr, code } = await runProgram(
      process.execPath,
      [starter('read x; echo "out $x"; echo err >&2')],
      {
        input: 'hello\n',
      },
    );
    expect({ stdout, stderr, code }).toEqual({ stdout: 'out hello\n', stderr: 'err\n', code: 0 });
  });

  test.each([
    ['a socket', false],
    ['a pipe', true],
  ])('an agent goes on while nobody reads %s and the application is stuck in it', async (kind, pipe) => {
    const beats = join(dir, `beats of ${kind}`);
    const child = spawnStarter(`while :; do echo "${'x'.repeat(1000)}"; done`, { BEATS: beats, PIPE: pipe });
    try {
      // Nobody reads: the pipe is full soon, and the agent's own lines wait in it too.
      const before = await waitUntil(() => (beatsIn(beats) > 5 ? beatsIn(beats) : 0));
      await waitUntil(() => beatsIn(beats) > before + 200);
    } finally {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await once(child, 'exit');
    }
  });
});

test('a named pipe that nobody reads any more holds up no agent that starts its application', async () => {
  const [fifo, file] = ['fifo', 'started'].map((name) => join(dir, name));
  execFileSync('mkfifo', [fifo ?? '']);
  // Open for both ways first: for writing alone it would wait for a reader.
  const orphaned = `exec 9<>${fifo}; exec >${fifo}; exec 9>&-; exec "$@"`;
  const command = [process.execPath, starter(`echo up > ${file}; echo nobody hears it`)];
  startProgram('/bin/sh', ['-c', orphaned, 'sh', ...command]);
  await waitUntil(() => existsSync(file ?? ''));
});

test('an agent without a file descriptor to spare sees its application end, and what that left behind', async () => {
  const file = join(dir, 'left-behind');
  const script = `sleep 0.3; sleep 1000 & echo $! > ${file}; exit 5`;
  const exhaust = 'try { for (;;) openSync("/dev/null"); } catch {}';
  const command = [process.execPath, starter(script, exhaust)];
  const { code } = await runProgram('/bin/sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', ...command]);
  expect(code).toBe(5);
  expect(isRunning(Number(readFileSync(file, 'utf8')))).toBe(false);
});

test('an application is told when its agent is killed', async () => {
  const file = join(dir, 'orphan');
  const agent = startProgram(
    process.execPath,
    [starter(`trap 'echo told > ${file}; exit 0' TERM; echo up > ${file}; while :; do sleep 0.02; done`)],
    { env: { SETPRIV: '/usr/bin/setpriv' } },
  );
  await waitUntil(() => existsSync(file));
  agent.signal('SIGKILL');
  await waitUntil(() => readFileSync(file, 'utf8') === 'told\n');
});

/** A program that starts an application as the agent does. */
function starter(script: string, once = ''): string {
  const path = join(dir, `starter-${Math.random()}.ts`);
  const source = clonePath('src/dp/application/process.ts');
  const text = `
    import { openSync, writeFileSync } from 'node:fs';
    import { startApplication } from ${JSON.stringify(source)};
    process.stdin; process.stdout; process.stderr;
    const app = await startApplication({ file: '/bin/sh', args: ['-c', ${JSON.stringify(script)}], env: process.env, setpriv: process.env.SETPRIV, terminal: false, stdout: process.stdout, stderr: process.stderr });
    ${once}
    let beat = 0;
    if (process.env.BEATS) setInterval(() => { process.stdout.write('y'.repeat(1000)); writeFileSync(process.env.BEATS, String(beat++)); }, 10);
    const { code } = await app.exited;
    process.exit(code ?? 1);
  `;
  writeFileSync(path, text);
  return path;
}

/** Its output is read by nobody. */
function spawnStarter(script: string, { BEATS, PIPE }: { BEATS: string; PIPE: boolean }): ChildProcess {
  const command = [process.execPath, starter(script)];
  const env = { ...process.env, BEATS, SETPRIV: '/usr/bin/setpriv' };
  const options = { env, stdio: ['ignore', 'pipe', 'inherit'] } satisfies SpawnOptions;
  // Node's own pipes are sockets.
  return PIPE
    ? spawn('/bin/sh', ['-c', '"$@" | sleep 1000', 'sh', ...command], { ...options, detached: true })
    : spawn(command[0] ?? '', command.slice(1), { ...options, detached: true });
}

function beatsIn(path: string): number {
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
}

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
