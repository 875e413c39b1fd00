/** How many worker threads Envoy gets: a number, the CPUs it may run on, or the least of all that bounds it. */
export type Concurrency = 'auto' | 'cpuset' | number;

/** undefined when the text is none. 0 is Kuma's word for the CPUs it may run on. */
export function parseConcurrency(text: string): Concurrency | undefined {
  const lower = text.trim().toLowerCase();
  if (lower === 'auto' || lower === 'cpuset') return lower;
  if (!/^\d{1,4}$/.test(lower)) return undefined;
  return Number(lower) === 0 ? 'cpuset' : Number(lower);
}

export interface CpuFacts {
  /** CPUs this process may run on; 0 when not known. */
  readonly allowed: number;
  /** CPUs of the machine. */
  readonly cores: number;
  /** Quota of the control group in CPUs. */
  readonly quota: number | undefined;
}

/**
 * Number for `--concurrency`; 0 leaves the choice to Envoy, which then counts the CPUs it may run on. A worker more than
 * the quota allows makes all of them wait for the next period at once, hence `auto`.
 */
export function resolveConcurrency(choice: Concurrency, { allowed, cores, quota }: CpuFacts): number {
  if (choice === 'cpuset') return 0;
  if (choice !== 'auto') return choice;
  const bounds = [cores, allowed, Math.ceil(quota ?? 0)].filter((n) => n > 0);
  return bounds.length === 0 ? 0 : Math.min(...bounds);
}

/** Counts `0-3,8`: the form of cpusets. 0 for anything else. */
export function countCpus(list: string): number {
  let count = 0;
  for (const part of list.trim().split(',')) {
    const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (first === undefined) return 0;
    count += Number(last ?? first) - Number(first) + 1;
  }
  return count;
}
