import { spawnSync } from 'node:child_process';
import { type Clock, untilTick } from '../../lib/clock.ts';
import { isSameProcessAlive, type ProcessId, readProcessId } from '../../lib/process-id.ts';
import type { EnvoyExit, EnvoyProcess } from './process.ts';

export interface KeptStart {
  readonly binary: string;
  readonly args: readonly string[];
  /** Takes what Envoy prints; a pipe would break with the agent, or fill and stop the data plane. */
  readonly logPath: string;
}

/**
 * With hot restarts Envoy asks the kernel for SIGTERM at the death of its parent, so it may start only once its parent
 * is the one that never dies: the shell in the background waits until the other has ended. The program is started in a
 * session of its own. A shell that finds the agent gone starts nothing.
 */
const DOUBLE_FORK = [
  '[ "$PPID" = "$1" ] || exit 143',
  'log=$2; shift 2',
  '(',
  '  while read -r _ _ _ parent _ </proc/self/stat && [ "$parent" = "$$" ]; do :; done',
  '  exec "$@"',
  ') </dev/null >>"$log" 2>&1 &',
  'echo "$!"',
].join('\n');

/** Longer than any start of a shell on a host that still works. */
const FORK_MS = 10_000;

/** Starts Envoy so that it outlives the agent; undefined when there is no such process. Takes some milliseconds. */
export function startKeptEnvoy({ binary, args, logPath }: KeptStart): ProcessId | undefined {
  const command = ['-c', DOUBLE_FORK, 'sh', String(process.pid), logPath, binary, ...args];
  const options = {
    // Not in the types of spawnSync, which passes it on as spawn does.
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'] satisfies ('ignore' | 'pipe')[],
    env: { ...process.env, TZ: 'UTC' },
    timeout: FORK_MS,
  };
  const pid = Number(String(spawnSync('/bin/sh', command, options).stdout ?? ''));
  return pid > 0 ? readProcessId(pid) : undefined;
}

export interface FollowOptions {
  readonly clock: Clock;
  /** Called once after the process is gone; tells why, for people. */
  readonly onGone: () => string;
}

/** How late the end of a process is noticed that is no child. */
const LOOK_EVERY_MS = 50;

export interface FollowedProcess extends EnvoyProcess {
  /** Looks at once. */
  look(): void;
  /** No more looks: `exited` stays open. */
  forget(): void;
}

/**
 * A process that is no child: its end is seen, but no exit code. Before each signal its start time is compared, so that
 * none ever goes to another process that got the same number.
 */
export function followProcess(id: ProcessId | undefined, { clock, onGone }: FollowOptions): FollowedProcess {
  const { promise: exited, resolve } = Promise.withResolvers<EnvoyExit>();
  let done = false;
  let cancel = () => {};
  const look = () => {
    cancel();
    if (done) return;
    if (id !== undefined && isSameProcessAlive(id)) {
      cancel = clock.after(untilTick(clock, LOOK_EVERY_MS), look);
      return;
    }
    done = true;
    resolve({ code: null, signal: null, reason: id === undefined ? 'cannot be started' : onGone() });
  };
  const kill = (signal: 'SIGTERM' | 'SIGKILL') => {
    if (id === undefined || !isSameProcessAlive(id)) return;
    try {
      process.kill(id.pid, signal);
    } catch {
      // Gone in between.
    }
  };
  cancel = clock.after(0, look);
  return {
    pid: id?.pid ?? 0,
    exited,
    kill,
    look,
    forget() {
      done = true;
      cancel();
    },
    async end(graceMs) {
      kill('SIGTERM');
      const cancelKill = clock.after(graceMs, () => kill('SIGKILL'));
      try {
        return await exited;
      } finally {
        cancelKill();
      }
    },
  };
}

const BY_SUCCESSOR = 'ended by its successor';
const BY_SIGNAL = 'ended by ';

/** Whether that was an end in good order. A quiet log level leaves the signal alone, which a successor uses, too. */
export function endedInOrder(reason: string): boolean {
  return reason === BY_SUCCESSOR || reason === `${BY_SIGNAL}SIGTERM`;
}

/** What the last lines of an Envoy tell of its end, where nobody knows the exit code. */
export function describeEnd(lines: readonly string[]): string {
  const last = lines.slice(-40);
  const crash = last.find((line) =>
    /Caught \w[\w ]*, suspect faulting|panic|assert failure|\[critical\]/.test(line),
  );
  if (crash !== undefined) return `crashed: ${crash.slice(0, 300)}`;
  // The request of the successor is carried out by a signal to itself.
  if (last.some((line) => line.includes('shutting down due to child request'))) return BY_SUCCESSOR;
  const signal = last.map((line) => /caught (?:ENVOY_)?(SIG\w+)/.exec(line)?.[1]).find((name) => name);
  if (signal !== undefined) return `${BY_SIGNAL}${signal}`;
  return 'gone without a word, as after SIGKILL (exit code not known: it is no child of this agent)';
}
