import { spawn } from 'node:child_process';
import { constants as osConstants } from 'node:os';
import type { Readable } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { startGuard } from './guard.ts';
import { type Launcher, launchCommand } from './launcher.ts';

/** How an Envoy ended. */
export interface EnvoyExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** `exit code 1`, `killed by SIGKILL`, or why it could not be started. */
  readonly reason: string;
}

/** A running Envoy. Whoever started it awaits `exited`. */
export interface EnvoyProcess {
  /** Of Envoy, or of the wrapper around it; 0 when it could not be started. */
  readonly pid: number;
  /** Settles once the process is gone and all that it printed is read. Never rejects. */
  readonly exited: Promise<EnvoyExit>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** SIGTERM, then SIGKILL after the grace time. */
  end(graceMs: number): Promise<EnvoyExit>;
}

export interface StartOptions {
  readonly launcher: Exclude<Launcher, { kind: 'double-fork' }>;
  readonly binary: string;
  readonly args: readonly string[];
  /** Its own signal at the death of the agent is a weak one: see guard.ts. A wrapper needs no help. */
  readonly guarded: boolean;
  /** Called with what Envoy prints, as it comes. Must not block: a full pipe stops the data plane. */
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
  readonly clock: Clock;
}

/** Starts Envoy in a session of its own, so that a Ctrl-C reaches the agent alone and it can drain first. */
export function startEnvoy(options: StartOptions): EnvoyProcess {
  const { launcher, binary, args, onOutput, clock } = options;
  const guard = options.guarded && launcher.kind === 'setpriv' ? startGuard() : undefined;
  const [file = binary, ...rest] = launchCommand(launcher, [binary, ...args], process.pid);
  const child = spawn(file, rest, {
    detached: true,
    // The wrapper notices the death of the agent at the end of its standard input.
    stdio: [launcher.kind === 'wrapper' ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, TZ: 'UTC' },
  });
  const pid = child.pid ?? 0;
  if (pid !== 0) guard?.watch(pid);
  child.stdin?.on('error', ignore);
  drainInto(child.stdout, (chunk) => onOutput('stdout', chunk));
  drainInto(child.stderr, (chunk) => onOutput('stderr', chunk));
  const over = new Promise<void>((resolve) => {
    const onEnd = () => resolve(guard?.release());
    child.once('exit', onEnd);
    child.once('error', onEnd);
  });
  const ended = new Promise<EnvoyExit>((resolve) => {
    child.once('error', (error) =>
      resolve({ code: null, signal: null, reason: `cannot be started: ${error.message}` }),
    );
    child.once('close', (code, signal) => resolve(describeExit(code, signal, launcher)));
  });
  // An agent that ends next must not leave its guard to an init that may never reap it.
  const exited = ended.then((exit) => over.then(() => exit));
  const kill = (signal: 'SIGTERM' | 'SIGKILL') => signalGroup(pid, signal);
  return {
    pid,
    exited,
    kill,
    async end(graceMs) {
      kill('SIGTERM');
      const cancel = clock.after(graceMs, () => kill('SIGKILL'));
      try {
        return await exited;
      } finally {
        cancel();
      }
    },
  };
}

/** Exit of a process as people say it; a wrapper reports a signal as 128 and its number. */
export function describeExit(code: number | null, signal: string | null, launcher: Launcher): EnvoyExit {
  const relayed =
    launcher.kind === 'wrapper' && code !== null && code > 128 ? signalName(code - 128) : undefined;
  const by = signal ?? relayed ?? null;
  return by === null
    ? { code, signal: null, reason: `exit code ${code}` }
    : { code: null, signal: by, reason: `killed by ${by}` };
}

function signalName(number: number): string | undefined {
  return Object.entries(osConstants.signals).find(([, n]) => n === number)?.[0];
}

function drainInto(stream: Readable | null, sink: (chunk: Buffer) => void): void {
  stream?.on('data', sink);
  stream?.on('error', ignore);
}

/** The whole group: Envoy and, where there is one, its wrapper. */
function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === 0) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Gone already.
  }
}

function ignore(): void {}
