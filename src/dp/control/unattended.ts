import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { peekDirectory, peekStat } from '../../lib/peek.ts';
import { isHeld } from '../run-dir/instance.ts';
import { type KeptRecord, readKept } from '../run-dir/kept.ts';
import type { AgentStatus } from './status.ts';

/** Envoys that were kept and wait for the next agent of their proxy. */
export interface Unattended {
  readonly dir: string;
  readonly record: KeptRecord;
  /** About when the agent ended: wall time in ms. */
  readonly since: number;
}

export function findUnattended(runDir: string): readonly Unattended[] {
  return peekDirectory(runDir).flatMap((name) => {
    const dir = join(runDir, name);
    const path = join(dir, 'kept.json');
    if (!existsSync(path) || isHeld(dir)) return [];
    const record = readKept(path);
    const since = peekStat(dir)?.mtimeMs;
    return record === undefined || since === undefined ? [] : [{ dir, record, since }];
  });
}

/** What a person types to end it. */
export function stopCommand(runDir: string, { mesh, name }: Pick<KeptRecord, 'mesh' | 'name'>): string {
  return `kuma-dp stop ${mesh}.${name} --run-dir ${runDir}`;
}

/** In the words of an agent. */
export function statusOfUnattended({ record, since }: Unattended): AgentStatus {
  const { mesh, name, envoys } = record;
  const serving = envoys.at(-1);
  return {
    ...{ mesh, name, state: 'unattended', since: new Date(since).toISOString() },
    reason: 'Envoy serves without an agent; the next agent of this proxy and run directory adopts it',
    ...{ agentPid: 0, readinessPort: 0, restarts: 0, waitingFor: [], crashes: [], controlPlane: '' },
    lastHandOver: undefined,
    pid: serving?.pid ?? 0,
    epoch: serving?.epoch ?? 0,
    envoy: { version: serving?.binary.version.version ?? '', path: serving?.binary.path ?? '' },
    hotRestart: serving?.baseId !== undefined,
    envoys: envoys.map(({ pid, epoch, binary }) => ({ pid, epoch, version: binary.version.version })),
  };
}
