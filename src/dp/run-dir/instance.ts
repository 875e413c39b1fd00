import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type HostLock, tryLock } from '../../lib/host-lock.ts';
import { isJsonObject } from '../../lib/json.ts';
import { ensurePrivateDir, ensureSafeParent } from '../../lib/private-dir.ts';
import { writePrivateFile } from '../../lib/private-file.ts';
import { isSameProcessAlive, type ProcessId, readCommandLine, readProcessId } from '../../lib/process-id.ts';
import { AgentError } from '../agent-error.ts';
import { findEnvoysOf, formatKept, type KeptRecord, readKept } from './kept.ts';
import { describeTooLong, type InstancePaths } from './paths.ts';

/** The private directory of one proxy, held by one agent. */
export interface Instance {
  readonly paths: InstancePaths;
  /** Envoys that run on without the agent that started them, to be adopted or ended; undefined when there are none. */
  readonly kept: KeptRecord | undefined;
  /** Envoys that were kept, too, and ended at once: what was written down of them cannot be used. */
  readonly discarded: readonly number[];
  /** For the next agent: which Envoys outlive this one. */
  keep(record: KeptRecord): void;
  /** Ends all Envoys that were found and makes the directory as new. */
  clear(): void;
  /** Writes down which Envoys run, so that the next agent can end them should they ever outlive this one. */
  recordEnvoys(pids: readonly number[]): void;
  /** Removes the directory with all that is in it, then lets others have it. */
  release(): Promise<void>;
  /** Lets another agent have the directory with what it needs to adopt the Envoys that run. */
  leave(): Promise<void>;
}

/**
 * Claims the directory; throws AgentError when another agent has it or when it is not safe to use. What an agent left
 * that was killed is removed, and its Envoys are ended, unless they were to outlive it.
 */
export async function claimInstance(paths: InstancePaths): Promise<Instance> {
  const tooLong = describeTooLong(paths);
  if (tooLong !== undefined) throw new AgentError('run-dir-unusable', tooLong);
  // Before the lock, whose name is made of the real path of the parent.
  refuseUnusable(() => ensureSafeParent(dirname(paths.dir)));
  const lock = await lockInstance(paths);
  const sign = () => writePrivateFile(paths.agentPid, JSON.stringify(readProcessId(process.pid)));
  const clear = () => {
    removeInstance(paths.dir);
    makeDir(paths.dir);
    sign();
  };
  let kept: KeptRecord | undefined;
  let discarded: readonly number[] = [];
  try {
    kept = takeKept(paths);
    if (kept === undefined && (existsSync(paths.kept) || !existsSync(paths.dir)))
      discarded = findEnvoysOf(paths.dir);
    if (kept === undefined) clear();
    else sign();
  } catch (cause) {
    await lock.release();
    throw new AgentError('run-dir-unusable', 'the run directory cannot be used', { cause });
  }
  return {
    paths,
    kept,
    discarded,
    keep: (record) => writePrivateFile(paths.kept, formatKept(record)),
    clear,
    async leave() {
      rmSync(paths.agentPid, { force: true });
      await lock.release();
    },
    recordEnvoys: (pids) =>
      writePrivateFile(paths.envoyPid, JSON.stringify(pids.flatMap((pid) => readProcessId(pid) ?? []))),
    async release() {
      for (const path of readLeftBehind(paths.hotRestart)) rmSync(path, { force: true });
      rmSync(paths.dir, { recursive: true, force: true });
      removeIfEmpty(dirname(paths.dir));
      await lock.release();
    },
  };
}

/** A private directory with Envoys that were kept, held so that no agent takes it. */
export interface HeldKept {
  readonly kept: KeptRecord | undefined;
  /** Ends what is left of its Envoys, and removes it with all that is in it. */
  remove(): void;
  release(): Promise<void>;
}

/** Throws AgentError when it is another user's, or when somebody has it who does not let go within a second. */
export async function holdKept(dir: string): Promise<HeldKept> {
  refuseUnusable(() => ensurePrivateDir(dir));
  const lock = await lockInstance({ dir, agentPid: join(dir, 'agent.json') });
  return {
    kept: readKept(join(dir, 'kept.json')),
    remove() {
      refuseUnusable(() => removeInstance(dir));
      removeIfEmpty(dirname(dir));
    },
    release: () => lock.release(),
  };
}

/** Removes the directories of agents that died without doing so themselves; returns their names. */
export async function cleanStaleInstances(runDir: string): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of listDirs(runDir)) {
    const dir = join(runDir, name);
    if (!isAbandoned(dir)) continue;
    const lock = await tryLock(lockName(dir));
    if (lock === undefined) continue;
    try {
      if (isAbandoned(dir)) {
        removeInstance(dir);
        removed.push(name);
      }
    } catch {
      // Another user's, or not ours to judge: it hinders nobody.
    } finally {
      await lock.release();
    }
  }
  return removed;
}

/** Its agent was killed, and no Envoy waits in it for the next one. */
function isAbandoned(dir: string): boolean {
  const holder = readRecord(join(dir, 'agent.json'));
  const kept = join(dir, 'kept.json');
  // Without any record it may be of an agent that is just starting; one that left Envoy behind signed off.
  const gone = holder === undefined ? existsSync(kept) : !isSameProcessAlive(holder);
  return gone && readKept(kept) === undefined;
}

/** Whether the agent that claimed this private directory lives. */
export function isHeld(dir: string): boolean {
  return findHolder(dir) !== undefined;
}

/** The process of that agent; undefined when it is gone. */
export function findHolder(dir: string): number | undefined {
  const holder = readRecord(join(dir, 'agent.json'));
  return holder !== undefined && isSameProcessAlive(holder) ? holder.pid : undefined;
}

function refuseUnusable(use: () => void): void {
  try {
    use();
  } catch (cause) {
    throw new AgentError('run-dir-unusable', 'the run directory cannot be used', { cause });
  }
}

/**
 * An agent that cleans up holds the lock for a moment, without living in the directory: wait for that one. The lock is
 * of this network namespace; an agent in another one with the same run directory is known by its record alone.
 */
async function lockInstance(paths: Pick<InstancePaths, 'dir' | 'agentPid'>): Promise<HostLock> {
  for (let attempt = 0; ; attempt++) {
    const lock = await tryLock(lockName(paths.dir));
    const holder = readRecord(paths.agentPid);
    const alive = holder !== undefined && isSameProcessAlive(holder);
    if (lock !== undefined && (!alive || holder.pid === process.pid)) return lock;
    await lock?.release();
    // What was killed loses its lock a little before it counts as gone.
    if ((alive && lock === undefined) || attempt >= 40) {
      const who = alive
        ? `an agent for this proxy is already running as process ${holder.pid} (${paths.dir}); stop it`
        : `${paths.dir} is in use: an agent for this proxy, or a "kuma-dp stop" of an Envoy that was kept, is already running; wait for its end`;
      throw new AgentError('already-running', `${who}, or give this one another --name or --run-dir`);
    }
    await delay(25);
  }
}

function lockName(dir: string): string {
  const parent = resolve(dirname(dir));
  let real = parent;
  try {
    real = realpathSync(parent);
  } catch {
    // Not there yet: the first agent of this run directory.
  }
  return `dp-${createHash('sha256')
    .update(join(real, basename(dir)))
    .digest('hex')
    .slice(0, 32)}`;
}

/** What is there to be adopted; nothing else of the last agent is left then that could be in the way. */
function takeKept(paths: InstancePaths): KeptRecord | undefined {
  if (!existsSync(paths.kept)) return undefined;
  ensurePrivateDir(paths.dir);
  const kept = readKept(paths.kept);
  if (kept === undefined) return undefined;
  const known = new Set(kept.envoys.map(({ pid }) => pid));
  // Started but not written down: it cannot have served yet. SIGTERM would make it end its parent, too.
  for (const pid of findEnvoysOf(paths.dir)) if (!known.has(pid)) kill(pid, 'SIGKILL');
  for (const path of [paths.agentSocket, paths.relaySocket]) rmSync(path, { force: true });
  return kept;
}

/** Ends an Envoy that outlived its agent, which would silently share ports with the next one, then removes the directory. */
function removeInstance(dir: string): void {
  if (!existsSync(dir)) {
    // Service managers and cleaners remove run directories. An Envoy that was kept does not go with it.
    for (const pid of findEnvoysOf(dir)) kill(pid, 'SIGKILL');
    return;
  }
  ensurePrivateDir(dir);
  for (const envoy of readRecords(join(dir, 'envoy.json'))) {
    // Twice sure: the number, its start and its bootstrap file are those of this directory.
    const ours = isSameProcessAlive(envoy) && readCommandLine(envoy.pid).some((a) => a.startsWith(`${dir}/`));
    if (ours) kill(-envoy.pid, 'SIGKILL');
  }
  // One that was to be kept leads no group, and may have been started just before its agent was killed.
  for (const pid of findEnvoysOf(dir)) kill(pid, 'SIGKILL');
  for (const path of readLeftBehind(join(dir, 'hot-restart.json'))) rmSync(path, { force: true });
  rmSync(dir, { recursive: true, force: true });
}

function kill(pid: number, signal: 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone in between.
  }
}

function makeDir(dir: string): void {
  const parent = dirname(dir);
  for (let attempt = 0; ; attempt++) {
    try {
      ensureSafeParent(parent);
      ensurePrivateDir(dir);
      return;
    } catch (error) {
      // The last other agent of this run directory may have removed the parent in between.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt >= 5) throw error;
    }
  }
}

function readRecord(path: string): ProcessId | undefined {
  return readRecords(path)[0];
}

function readRecords(path: string): readonly ProcessId[] {
  const content = readJson(path);
  return (Array.isArray(content) ? content : [content]).flatMap((record: unknown) =>
    isJsonObject(record) && typeof record.pid === 'number' && typeof record.startTicks === 'number'
      ? [{ pid: record.pid, startTicks: record.startTicks }]
      : [],
  );
}

/** Shared memory of Envoys, which no Envoy removes. Nothing but such files is believed. */
function readLeftBehind(path: string): readonly string[] {
  const content = readJson(path);
  const file = isJsonObject(content) ? content.sharedMemory : undefined;
  return typeof file === 'string' && /^\/dev\/shm\/envoy_shared_memory_\d+$/.test(file) ? [file] : [];
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function listDirs(runDir: string): readonly string[] {
  try {
    return readdirSync(runDir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [e.name] : []));
  } catch {
    return [];
  }
}

function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Others live in it, or it is not ours to remove.
  }
}
