import type { MemoryLimit } from '../../limits/cgroup.ts';
import { envoyHeapBytes } from '../../limits/heap.ts';
import { type Check, type Finding, healthy, ill, warning } from '../check.ts';

/** Each connection takes two descriptors; systemd's and Docker's usual limits are far above this. */
const FEW_FILES = 8_192;
const MIB = 1024 * 1024;
/** Envoy alone was measured at 65 MB. */
const LITTLE_HEAP = 96 * MIB;
/** An idle Envoy was measured at 6 MiB of heap. */
const LEAST_HEAP = 8 * MIB;

/** Open files, memory, CPUs: what the host allows a proxy. */
export const limitsCheck: Check = {
  name: 'limits',
  run: ({ limits: { files, memory, cpus }, proxies, config }) => {
    const findings: Finding[] = [];
    if (files !== undefined && files.hard < FEW_FILES)
      findings.push(
        warning(
          `a proxy may open ${files.hard} files, enough for about ${Math.floor(files.hard / 2)} connections`,
          'LimitNOFILE=1048576 in the unit; in a shell of root: ulimit -Hn 1048576; in a container: --ulimit nofile=1048576',
        ),
      );
    const given = config?.envoy.maxMemoryBytes ?? 0;
    if (given > 0) findings.push(...judgeGiven(given));
    else if (memory !== undefined) findings.push(...judgeMemory(memory, Math.max(1, proxies.length)));
    const seen = [
      files === undefined ? 'open files not known' : `${files.hard} open files`,
      memory === undefined ? 'memory not limited' : `${Math.floor(memory.bytes / MIB)} MiB of memory`,
      `${cpus.allowed || cpus.cores} CPUs${cpus.quota === undefined ? '' : `, quota ${cpus.quota}`}`,
    ].join(', ');
    return Promise.resolve(findings.length === 0 ? healthy(seen) : ill(seen, ...findings));
  },
};

function judgeGiven(bytes: number): readonly Finding[] {
  return bytes >= LEAST_HEAP
    ? []
    : [
        warning(
          `--max-memory is ${bytes} bytes: Envoy has more than that at its start, and refuses every request`,
          'give it in bytes: --max-memory 134217728 for 128 MiB',
        ),
      ];
}

/** The agent and all its Envoys share it. */
function judgeMemory({ bytes, source }: MemoryLimit, envoys: number): readonly Finding[] {
  const heap = envoyHeapBytes(bytes, envoys);
  if (heap >= LITTLE_HEAP) return [];
  const who = envoys === 1 ? 'agent and Envoy' : `agent and ${envoys} Envoys`;
  const enough = Math.ceil((64 + envoys * 98) / 64) * 64;
  return [
    warning(
      `memory is limited to ${Math.floor(bytes / MIB)} MiB by ${source}: ${who} need some ${65 + 65 * envoys}, and ${envoys === 1 ? 'Envoy' : 'each Envoy'} refuses requests from ${Math.floor(heap / MIB)} MiB of heap on`,
      `MemoryMax=${Math.max(256, enough)}M or more in the unit, or a larger limit for the container`,
    ),
  ];
}
