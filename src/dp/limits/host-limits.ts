import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { type CgroupLimits, type ReadText, readCgroupLimits } from './cgroup.ts';
import { type CpuFacts, countCpus } from './concurrency.ts';
import { type FileLimit, readFileLimit } from './file-limit.ts';

/** What this host allows the agent and its Envoy, read once at the start. */
export interface HostLimits {
  readonly memory: CgroupLimits['memory'];
  readonly cpus: CpuFacts;
  /** undefined where the system does not tell. */
  readonly files: FileLimit | undefined;
}

export function readHostLimits(readText: ReadText = readTextFile): HostLimits {
  const { memory, cpus: quota } = readCgroupLimits(readText, totalmem());
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(readText('/proc/self/status') ?? '')?.[1] ?? '';
  return {
    memory,
    cpus: { allowed: countCpus(allowed), cores: cpus().length, quota },
    files: readFileLimit(readText),
  };
}

function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
