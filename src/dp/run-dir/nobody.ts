import { readdirSync } from 'node:fs';
import { peekStat } from '../../lib/peek.ts';

const OF_ROOT = '/run/kuma-dp';

/** Why no agent was found; `name` is '' for any, `others` are those that were found in its place. */
export function describeNobody(runDir: string, name: string, others: readonly string[]): string {
  const wanted = name === '' ? 'agent' : `agent for "${name}"`;
  if (others.length > 0) return `no ${wanted} runs in ${runDir}: there are ${others.join(', ')}`;
  if (isClosed(runDir))
    return `${runDir} cannot be looked into: it belongs to user ${peekStat(runDir)?.uid ?? 'unknown'}, this is user ${process.geteuid?.()}; ask as that user or as root`;
  const place = runDir === OF_ROOT ? '' : ` (root and the systemd units use ${OF_ROOT})`;
  return `no ${wanted} runs in ${runDir}; one with another run directory is found with --run-dir${place}`;
}

function isClosed(runDir: string): boolean {
  try {
    readdirSync(runDir);
    return false;
  } catch (error) {
    return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}
