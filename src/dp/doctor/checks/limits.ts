import { envoyHeapBytes } from '../../limits/heap.ts';
import { type Check, type Finding, healthy, ill, warning } from '../check.ts';

/** Each connection takes two descriptors; systemd's and Docker's usual limits are far above this. */
const FEW_FILES = 8_192;
const MIB = 1024 * 1024;
/** Envoy alone was measured at 65 MB, and the agent at about as much. */
const LITTLE_MEMORY = 160 * MIB;

/** Open files, memory, CPUs: what the host allows a proxy. */
export const limitsCheck: Check = {
  name: 'limits',
  run: ({ limits: { files, memory, cpus } }) => {
    const findings: Finding[] = [];
    if (files !== undefined && files.hard < FEW_FILES)
      findings.push(
        warning(
          `a proxy may open ${files.hard} files, enough for about ${Math.floor(files.hard / 2)} connections`,
          'LimitNOFILE=1048576 in the unit; in a shell of root: ulimit -Hn 1048576; in a container: --ulimit nofile=1048576',
        ),
      );
    if (memory !== undefined && memory.bytes < LITTLE_MEMORY)
      findings.push(
        warning(
          `memory is limited to ${Math.floor(memory.bytes / MIB)} MiB by ${memory.source}: agent and Envoy need some 130, and Envoy refuses requests from ${Math.floor(envoyHeapBytes(memory.bytes) / MIB)} MiB of heap on`,
          'MemoryMax=256M or more in the unit, or a larger limit for the container',
        ),
      );
    const seen = [
      files === undefined ? 'open files not known' : `${files.hard} open files`,
      memory === undefined ? 'memory not limited' : `${Math.floor(memory.bytes / MIB)} MiB of memory`,
      `${cpus.allowed || cpus.cores} CPUs${cpus.quota === undefined ? '' : `, quota ${cpus.quota}`}`,
    ].join(', ');
    return Promise.resolve(findings.length === 0 ? healthy(seen) : ill(seen, ...findings));
  },
};
