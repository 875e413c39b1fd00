import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isJsonObject } from '../../../lib/json.ts';
import { peekStat, peekText } from '../../../lib/peek.ts';
import { isSameProcessAlive, type ProcessId, readCommandLine } from '../../../lib/process-id.ts';
import { findUnattended, stopCommand, type Unattended } from '../../control/unattended.ts';
import { sharedMemoryPath } from '../../hot-restart/shared-memory.ts';
import { type Check, error, type Finding, healthy, ill, warning } from '../check.ts';

/** What agents that were killed left behind. The next agent of the same run directory cleans most of it up by itself. */
export const leftoversCheck: Check = {
  name: 'leftovers',
  run: ({ runDir, shmDir }) => {
    const unattended = findUnattended(runDir);
    const findings = [
      ...unattended.map(judgeUnattended),
      ...listNames(runDir)
        .map((name) => join(runDir, name))
        .filter((dir) => !unattended.some((left) => left.dir === dir))
        .flatMap(judgeInstance),
      ...judgeSharedMemory(shmDir),
    ];
    const seen = `${runDir}, ${shmDir}`;
    return Promise.resolve(findings.length === 0 ? healthy(seen) : ill(seen, ...findings));
  },
};

function judgeUnattended({ dir, record }: Unattended): Finding {
  const pids = record.envoys.map(({ pid }) => pid).join(' ');
  return warning(
    `Envoy ${pids} of ${record.mesh}.${record.name} was kept and has no agent (${dir}): it serves, but nobody starts it again or changes its configuration`,
    `start its agent again, which adopts it, or: ${stopCommand(dirname(dir), record)}`,
  );
}

function judgeInstance(dir: string): readonly Finding[] {
  const [agent] = readRecords(join(dir, 'agent.json'));
  if (agent === undefined || isSameProcessAlive(agent)) return [];
  const orphans = readRecords(join(dir, 'envoy.json')).filter(isSameProcessAlive);
  if (orphans.length > 0) {
    const pids = orphans.map(({ pid }) => pid).join(' ');
    return [
      error(
        `Envoy ${pids} runs without its agent ${agent.pid}, which was killed (${dir}): nobody restarts it or changes its configuration`,
        `start its agent again, which ends it, or: kill ${pids}`,
      ),
    ];
  }
  return [
    warning(
      `${dir} is left from agent ${agent.pid}, which was killed`,
      `rm -r ${dir}; the next agent of this run directory does it by itself`,
    ),
  ];
}

/** Envoy never removes its file; one that no process has mapped belongs to nobody. */
function judgeSharedMemory(dir: string): readonly Finding[] {
  const uid = process.getuid?.() ?? 0;
  const files = listNames(dir)
    .filter((name) => /^envoy_shared_memory_\d+$/.test(name))
    .map((name) => join(dir, name))
    .filter((path) => peekStat(path)?.uid === uid);
  if (files.length === 0) return [];
  const mapped = readMapped(dir);
  const unused = files.filter((path) => !mapped.has(path));
  if (unused.length === 0) return [];
  return [
    warning(
      `${unused.length} files of shared memory in ${dir} belong to no Envoy that runs`,
      `rm ${unused.slice(0, 5).join(' ')}${unused.length > 5 ? ' …' : ''}`,
    ),
  ];
}

/** What one with capabilities of its own has mapped only root may see; the id in its command line all may. */
function readMapped(dir: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const pid of listNames('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const [path] of peekText(`/proc/${pid}/maps`).matchAll(/\/\S*envoy_shared_memory_\d+/g))
      found.add(path);
    const words = readCommandLine(Number(pid));
    const at = words.indexOf('--base-id');
    if (at > 0) found.add(sharedMemoryPath(Number(words[at + 1]), dir));
  }
  return found;
}

function readRecords(path: string): readonly ProcessId[] {
  let content: unknown;
  try {
    content = JSON.parse(peekText(path));
  } catch {
    return [];
  }
  return (Array.isArray(content) ? content : [content]).flatMap((record: unknown) =>
    isJsonObject(record) && typeof record.pid === 'number' && typeof record.startTicks === 'number'
      ? [{ pid: record.pid, startTicks: record.startTicks }]
      : [],
  );
}

function listNames(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
