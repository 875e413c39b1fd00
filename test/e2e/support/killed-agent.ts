import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep, setImmediate as soon } from 'node:timers/promises';
import {
  isSameProcessAlive,
  type ProcessId,
  readCommandLine,
  readProcessId,
} from '../../../src/lib/process-id.ts';
import { type RunningProgram, survivors, waitUntil } from '../../support/processes.ts';
import type { OneProxy } from './one-proxy.ts';

/** What an agent was about, by its own log: its state, or what it did within that state. */
export function phaseOf(log: string): string {
  const last = (text: string) => log.lastIndexOf(` kuma-dp ${text}`);
  const state = [...log.matchAll(/ kuma-dp ([a-z-]+) mesh=\S+ name=\S+ from=/g)].at(-1)?.[1];
  if (state === undefined) return last('agent started') < 0 ? 'first steps' : 'locating';
  if (state === 'draining') return last('no connections left') < 0 ? 'draining' : 'ending';
  if (state !== 'ready') return state;
  if (last('the new Envoy serves') > last('the old Envoy ended')) return 'two Envoys';
  return last('restarting Envoy') > last('the new Envoy serves') ? 'preparing a hand-over' : 'ready';
}

/** Until the log has it, to the millisecond. False when the program ended without. */
export async function untilLogged(program: RunningProgram, pattern: RegExp, from = 0): Promise<boolean> {
  const end = performance.now() + 30_000;
  while (!pattern.test(program.output().slice(from))) {
    if (program.exit() !== undefined) return false;
    if (performance.now() > end) throw new Error(`no ${String(pattern)} in:\n${program.output()}`);
    await soon();
  }
  return true;
}

/** Exact, where a timer would be late by what else the machine does. */
export async function pause(ms: number): Promise<void> {
  const end = performance.now() + ms;
  if (ms > 20) await sleep(ms - 10);
  while (performance.now() < end) await soon();
}

/** Resolves when the agent begins to write one of its files of state, in the middle of which it then is. */
export function untilStateWritten(dir: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(dir, (_event, name) => {
      if (name?.endsWith('.tmp') !== true) return;
      watcher.close();
      resolve();
    });
  });
}

/** What may be left of agents, besides the files that are meant to stay. */
export interface Surroundings {
  /** All programs of the test but the agent and what it started. */
  readonly processes: readonly number[];
  readonly locks: readonly string[];
}

/** Taken while no agent runs. */
export function lookAround(): Surroundings {
  return { processes: survivors(), locks: abstractLocks() };
}

export interface Victim {
  readonly exit: { readonly code: number | null; readonly signal: string | null };
  readonly phase: string;
  /** How long the slowest of its Envoys and other processes outlived it, in ms; 0 where it had none. */
  readonly outlivedMs: number;
  /** Its file in /dev/shm, where it had one. */
  readonly sharedMemory: string | undefined;
}

/** Kills an agent outright and waits until nothing of it runs: what does not end at once never does. */
export async function killOutright(
  agent: RunningProgram,
  before: Surroundings,
  proxy: OneProxy,
): Promise<Victim> {
  const envoys = listEnvoys(before);
  const at = performance.now();
  agent.signal('SIGKILL');
  const gone = () =>
    !envoys.some(isSameProcessAlive) &&
    survivors().every((pid) => pid !== agent.pid && before.processes.includes(pid)) &&
    abstractLocks().every((name) => before.locks.includes(name));
  await waitUntil(gone, {
    timeoutMs: 10_000,
    describe: () =>
      `the end of all that agent ${agent.pid} started: ${survivors()
        .filter((pid) => !before.processes.includes(pid))
        .map((pid) => `${pid} ${readCommandLine(pid).join(' ')}`)
        .join('; ')}, ${abstractLocks().join(' ')}; it died here:\n${agent.output()}`,
  });
  const outlivedMs = Math.round(performance.now() - at);
  const exit = await agent.exited;
  return { exit, phase: phaseOf(agent.output()), outlivedMs, sharedMemory: await proxy.sharedMemory() };
}

function listEnvoys(before: Surroundings): readonly ProcessId[] {
  return survivors()
    .filter((pid) => !before.processes.includes(pid) && readCommandLine(pid).includes('--base-id'))
    .flatMap((pid) => readProcessId(pid) ?? []);
}

/** Locks of agents; the network namespace has its own. */
function abstractLocks(): readonly string[] {
  return [...readFileSync('/proc/net/unix', 'utf8').matchAll(/@kuma-\S+/g)].map(([name]) => name);
}

/** Names in the run directory of the test, which goes with its last agent. */
export function inRunDirectory(proxy: OneProxy): readonly string[] {
  const dir = join(proxy.mesh.home, 'run');
  return existsSync(dir) ? readdirSync(dir) : [];
}
