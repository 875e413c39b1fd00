import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { peekDirectory, peekStat } from '../../lib/peek.ts';
import { readProcessId } from '../../lib/process-id.ts';

const OF_ROOT = '/run/kuma-dp';

/** Why no agent was found; `name` is '' for any, `others` are those that were found in its place. */
export function describeNobody(runDir: string, name: string, others: readonly string[]): string {
  const wanted = name === '' ? 'agent' : `agent for "${name}"`;
  if (others.length > 0) return `no ${wanted} runs in ${runDir}: there are ${others.join(', ')}`;
  if (isClosed(runDir))
    return `${runDir} cannot be looked into: it belongs to user ${peekStat(runDir)?.uid ?? 'unknown'}, this is user ${process.geteuid?.()}; ask as that user or as root`;
  const empty = findEmptyCrew(runDir);
  if (empty !== undefined)
    return `the agent ${empty} in ${runDir} runs without any proxy: it waits for a Dataplane file${name === '' ? '' : `, and there is none for "${name}"`}`;
  const place = runDir === OF_ROOT ? '' : ` (root and the systemd units use ${OF_ROOT})`;
  return `no ${wanted} runs in ${runDir}; one with another run directory is found with --run-dir${place}`;
}

/** An agent of several proxies has its own directory as long as it lives; they have theirs beside it. */
function findEmptyCrew(runDir: string): number | undefined {
  const entries = peekDirectory(runDir).filter((entry) => existsSync(join(runDir, entry, 'agent.sock')));
  const pids = entries.map((entry) => Number(/^_crew\.(\d+)$/.exec(entry)?.[1] ?? Number.NaN));
  return pids.some(Number.isNaN) ? undefined : pids.find((pid) => readProcessId(pid) !== undefined);
}

function isClosed(runDir: string): boolean {
  try {
    readdirSync(runDir);
    return false;
  } catch (error) {
    return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}
