import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterPatience } from '../../src/lib/patience.ts';
import { type WaitOptions, waitUntil } from './wait-until.ts';

export { type WaitOptions, waitUntil } from './wait-until.ts';

/** The clone's root, with a trailing part when given: `clonePath('dist', 'bin')`. */
export function clonePath(...parts: string[]): string {
  return join(dirname(dirname(import.meta.dirname)), ...parts);
}

/** A built program. The lanes that start programs run after `./scripts/setup`. */
export function builtProgram(name: 'kuma-dp' | 'kuma-cp' | 'kumactl' | 'bookinfo'): string {
  const path = clonePath('dist', 'bin', name);
  if (!existsSync(path)) throw new Error(`${path} is missing; run ./scripts/setup first`);
  return path;
}

/** The Envoy that set-up fetched, or the one that ENVOY names. */
export function envoyBinary(): string {
  const path = process.env.ENVOY ?? clonePath('.cache', 'envoy', '1.40.0', 'envoy');
  if (!existsSync(path)) throw new Error(`${path} is missing; run ./scripts/setup first`);
  return path;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  /** Added to the environment; `undefined` takes a variable away. KUMA_* variables of the caller are never passed on. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Written to stdin, which is then closed. */
  readonly input?: string;
  /** Leaves stdin open for `write`. */
  readonly openInput?: boolean;
  readonly timeoutMs?: number;
}

export interface RunningProgram {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** Set once it has ended. */
  exit(): Exit | undefined;
  stdout(): string;
  stderr(): string;
  /** Both streams in order of arrival. */
  output(): string;
  /** The first whole line of either stream that matches, past or to come; fails at once when the program ends without it. */
  waitForLine(pattern: RegExp | string, options?: WaitOptions): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** To its stdin, where that was left open. */
  write(text: string): void;
  /** SIGTERM, then SIGKILL to its whole process group after `timeoutMs` (default 20 s). */
  stop(options?: { readonly signal?: NodeJS.Signals; readonly timeoutMs?: number }): Promise<Exit>;
}

// Every program started here, and all that it starts, carries this in its environment: that is how left-overs are
// found after their parents are gone.
const MARK = `TEST_RUN_ID=${randomUUID()}`;
const running = new Set<ChildProcess>();

/** Starts a program in its own process group, output captured. End it with `stop`, or all with `stopAll` in afterEach. */
export function startProgram(
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): RunningProgram {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: environment(options.env ?? {}),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin.on('error', () => {});
  if (options.openInput !== true) child.stdin.end(options.input ?? '');
  running.add(child);
  const text = { stdout: '', stderr: '', output: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
      text.output += chunk;
    });
  }
  let ended: Exit | undefined;
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    // 'close', not 'exit': by then all output has arrived.
    child.once('close', (code, signal) => {
      running.delete(child);
      ended = { code, signal };
      resolve(ended);
    });
  });
  exited.catch(() => running.delete(child));
  const name = `${command} ${args.join(' ')}`;
  return {
    pid: child.pid ?? -1,
    exited,
    exit: () => ended,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    output: () => text.output,
    signal: (signal) => void child.kill(signal),
    write: (input) => void child.stdin.write(input),
    async waitForLine(pattern, waitOptions) {
      const found = () =>
        [text.stdout, text.stderr].flatMap(wholeLines).find((line) => matches(line, pattern));
      const line = await waitUntil(() => found() ?? (ended === undefined ? undefined : { ended }), {
        ...waitOptions,
        describe: () => `${name} to print ${String(pattern)}; it printed:\n${text.output}`,
      });
      if (typeof line === 'string') return line;
      throw new Error(
        `${name} ended (${JSON.stringify(ended)}) without printing ${String(pattern)}:\n${text.output}`,
      );
    },
    async stop({ signal = 'SIGTERM', timeoutMs = 20_000 } = {}) {
      if (ended === undefined) child.kill(signal);
      return exited.finally(afterPatience(timeoutMs, () => killGroup(child)));
    },
  };
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Killed with all it started after `timeoutMs` (default 60 s), which is an error. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Finished> {
  const program = startProgram(command, args, options);
  let late = false;
  const cancelLimit = afterPatience(options.timeoutMs ?? 60_000, () => {
    late = true;
    killMarked('SIGKILL', program.pid);
  });
  const exit = await program.exited.finally(cancelLimit);
  if (late)
    throw new Error(`${command} ${args.join(' ')} did not end in time; it printed:\n${program.output()}`);
  return { ...exit, stdout: program.stdout(), stderr: program.stderr() };
}

/** Kills all that was started here and all that these started, and waits until they are gone. For afterEach or afterAll. */
export async function stopAll(): Promise<void> {
  for (const child of running) killGroup(child);
  killMarked('SIGKILL');
  await waitUntil(() => running.size === 0 && survivors().length === 0, {
    describe: () => `the end of processes ${survivors().join(', ')}`,
  });
}

/** Ids of living processes that were started by programs of this test process, at any depth, orphans included. */
export function survivors(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isMarked(pid));
}

function isMarked(pid: number): boolean {
  try {
    if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(MARK)) return false;
    // A zombie is dead, it only waits to be reaped.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function killMarked(signal: NodeJS.Signals, first?: number): void {
  for (const pid of first === undefined ? survivors() : [first, ...survivors()]) tryKill(pid, signal);
}

function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined) tryKill(-child.pid, 'SIGKILL');
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

function environment(extra: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const [name = '', value] = MARK.split('=');
  const inherited = Object.entries(process.env).filter(
    ([key]) => !key.startsWith('KUMA') && !key.startsWith('VITEST'),
  );
  return { ...Object.fromEntries(inherited), ...extra, [name]: value };
}

function wholeLines(text: string): string[] {
  return text.split('\n').slice(0, -1);
}

function matches(line: string, pattern: RegExp | string): boolean {
  return typeof pattern === 'string' ? line.includes(pattern) : pattern.test(line);
}

// A test run that is stopped half-way takes its programs along.
process.once('exit', killAll);
// A Ctrl-C reaches the whole group, this worker too, which would else end without a word.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    killAll();
    process.kill(process.pid, signal);
  });

function killAll(): void {
  for (const child of running) killGroup(child);
  killMarked('SIGKILL');
}
