import { readFileSync } from 'node:fs';

/** Clock ticks of /proc a second: 100 on every Linux that Node runs on. */
const TICKS = 100;
const KB_PER_MB = 1024;

/** CPU a process used since its start, all threads, user and system, in seconds; steps of 10 ms. */
export function cpuSeconds(pid: number): number {
  // The second field is the program's name in parentheses and may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

export interface Memory {
  readonly rssMb: number;
  /** Written pages that nobody shares: what one more such process costs. */
  readonly privateDirtyMb: number;
}

/** Memory of one process in MB of 2^20 bytes. */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / KB_PER_MB;
  return { rssMb: mb('Rss'), privateDirtyMb: mb('Private_Dirty') };
}

/** The largest resident size the process ever had, in MB. */
export function peakRssMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1]) / KB_PER_MB;
}
