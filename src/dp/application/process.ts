import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import treeKill from 'tree-kill';
import { AgentError } from '../agent-error.ts';
import type { ApplicationExit } from './exit.ts';
import { isGroupAlive, readGroup } from './group.ts';
import { chooseOutput, closeOutput, copyOutput, toStdio } from './output.ts';

/** A running application with all it starts. Whoever started it awaits `exited`. */
export interface ApplicationProcess {
  readonly pid: number;
  /** Settles once the application is reaped and nobody of its process group lives. Never rejects. */
  readonly exited: Promise<ApplicationExit>;
  /** To the application alone: what it does with its own children is its business. */
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL to all of its group after `graceMs`; a later call may shorten the time. */
  end(graceMs: number): Promise<ApplicationExit>;
}

export interface ApplicationOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of util-linux's setpriv; with it the application is told (SIGTERM) when the agent is killed. */
  readonly setpriv: string | undefined;
  /** On a terminal the application stays in the agent's process group, or it could not use the terminal. */
  readonly terminal: boolean;
  /** The agent's own outputs. */
  readonly stdout: Writable;
  readonly stderr: Writable;
}

const SWEEP_EVERY_MS = 20;
/** For what an application that ended by itself left behind. */
const SWEEP_GRACE_MS = 2_000;
/** For what waits in an output that nobody reads. */
const COPY_GRACE_MS = 500;

/** Starts it with the agent's own standard input, output and error. Rejects with AgentError when it cannot be started. */
export async function startApplication(options: ApplicationOptions): Promise<ApplicationProcess> {
  const outputs = [chooseOutput(1), chooseOutput(2)] as const;
  const [program = options.file, ...args] = toCommand(options);
  const child = spawn(program, args, {
    detached: !options.terminal,
    stdio: ['inherit', toStdio(outputs[0]), toStdio(outputs[1])],
    env: { ...options.env },
  });
  outputs.forEach(closeOutput);
  const copied = Promise.all([
    copyOutput(child.stdout, options.stdout),
    copyOutput(child.stderr, options.stderr),
  ]);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(
        new AgentError('application-unusable', `the application ${options.file} cannot be started`, {
          cause,
        }),
      ),
    );
  });
  return superviseApplication(child, options.terminal, copied);
}

function toCommand({ file, args, setpriv }: ApplicationOptions): readonly string[] {
  if (setpriv === undefined) return [file, ...args];
  const watched = ['/bin/sh', '-c', STILL_OURS, 'sh', String(process.pid), file, ...args];
  return [setpriv, '--pdeathsig', 'TERM', '--', ...watched];
}

/** An agent that died before the signal was asked for is noticed here: the shell's parent is then another process. */
const STILL_OURS = '[ "$PPID" = "$1" ] || exit 143; shift; exec "$@"';

function superviseApplication(
  child: ChildProcess,
  terminal: boolean,
  copied: Promise<unknown>,
): ApplicationProcess {
  const pid = child.pid ?? 0;
  let killAt = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  /** Nobody is left: the numbers may be those of others by now. */
  let over = false;
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const killAll = () => (terminal ? treeKill(pid, 'SIGKILL', () => {}) : send(-pid, 'SIGKILL'));
  const killIn = (ms: number) => {
    if (over || performance.now() + ms >= killAt) return;
    killAt = performance.now() + ms;
    clearTimeout(timer);
    timer = setTimeout(killAll, ms);
  };
  const sweep = async () => {
    // On a terminal the group is the agent's own, with the agent in it.
    if (terminal || !isGroupAlive(pid)) return;
    send(-pid, 'SIGTERM');
    killIn(SWEEP_GRACE_MS);
    while (isGroupAlive(pid)) await delay(SWEEP_EVERY_MS);
  };
  const exited = new Promise<ApplicationExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  }).then(async (exit) => {
    await sweep();
    over = true;
    clearTimeout(timer);
    await Promise.race([copied, delay(COPY_GRACE_MS)]);
    return exit;
  });
  return {
    pid,
    exited,
    signal(signal) {
      if (isRunning()) send(pid, signal);
    },
    end(graceMs) {
      if (killAt === Number.POSITIVE_INFINITY && isRunning()) askToEnd(pid, terminal);
      if (isRunning() || killAt < Number.POSITIVE_INFINITY) killIn(graceMs);
      return exited;
    },
  };
}

/**
 * A program that made a process group of its own on the terminal is a shell with job control: it does not hear SIGTERM, and
 * ends with its jobs when the terminal hangs up. Whoever is stopped hears nothing before it goes on.
 */
function askToEnd(pid: number, terminal: boolean): void {
  const group = readGroup(pid);
  send(pid, 'SIGTERM');
  if (terminal && group === pid) send(pid, 'SIGHUP');
  send(pid, 'SIGCONT');
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}
