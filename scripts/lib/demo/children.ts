import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ChildSpec {
  /** Also the name of its log file. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The programs of a demo. Each has a process group of its own, so that Ctrl-C in the terminal reaches the demo alone,
 * which stops them in order; and each is told to stop by the kernel should the demo itself be killed.
 */
export class Children {
  readonly #folder: string;
  readonly #onDeath: (text: string) => void;
  readonly #running = new Map<string, ChildProcess>();
  #stopping = false;
  #restartMs: number | undefined;

  /** Logs go to `folder`. `onDeath` gets a text for people when a child ends that nobody stopped. */
  constructor(folder: string, onDeath: (text: string) => void) {
    this.#folder = folder;
    this.#onDeath = onDeath;
  }

  logFile(name: string): string {
    return join(this.#folder, `${name}.log`);
  }

  pid(name: string): number | undefined {
    return this.#running.get(name)?.pid;
  }

  start(spec: ChildSpec): void {
    const { name, command, args, env = {} } = spec;
    const log = openSync(this.logFile(name), 'a');
    const [program, prefix] =
      WITH_PARENT === undefined ? [command, []] : [WITH_PARENT, [...DIE_WITH_PARENT, command]];
    const child = spawn(program, [...prefix, ...args], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...withoutKuma(process.env), ...env },
    });
    closeSync(log);
    this.#running.set(name, child);
    child.once('error', (error) => this.#ended(spec, error.message));
    child.once('exit', (code, signal) =>
      this.#ended(spec, signal === null ? `code ${code}` : `signal ${signal}`),
    );
  }

  /** From now on whoever ends is started again after a while: visitors are invited to kill things. */
  restartAfter(ms: number): void {
    this.#restartMs = ms;
  }

  /** Stops those named at the same time and waits for their end; SIGKILL for those that take longer than `graceMs`. */
  async stop(names: readonly string[], graceMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all(names.map((name) => this.#stopOne(name, graceMs)));
  }

  /** At once, with whatever is in their process groups. */
  killAll(): void {
    this.#stopping = true;
    for (const child of this.#running.values()) signalGroup(child, 'SIGKILL');
  }

  /** The end of a child's log. */
  lastLines(name: string, count: number): string {
    const lines = readFileSync(this.logFile(name), 'utf8').trimEnd().split('\n');
    return lines
      .slice(-count)
      .map((line) => `    ${line}`)
      .join('\n');
  }

  #ended(spec: ChildSpec, how: string): void {
    const { name } = spec;
    if (!this.#running.delete(name) || this.#stopping) return;
    const restartMs = this.#restartMs;
    const then = restartMs === undefined ? '' : `; it is started again in ${restartMs / 1000} s`;
    this.#onDeath(`${name} ended with ${how}${then}; its last lines:\n${this.lastLines(name, 8)}`);
    if (restartMs !== undefined) setTimeout(() => this.#stopping || this.start(spec), restartMs);
  }

  #stopOne(name: string, graceMs: number): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      child.kill('SIGTERM');
    });
  }
}

const DIE_WITH_PARENT = ['--pdeathsig', 'TERM', '--'];
const WITH_PARENT = spawnSync('setpriv', [...DIE_WITH_PARENT, 'true']).status === 0 ? 'setpriv' : undefined;

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // Gone already.
  }
}

/** Settings of the caller's own mesh must not leak into the demo's. */
function withoutKuma(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^KUMA(CTL)?_/.test(name) || name === 'KUMA_NODE'),
  );
}
