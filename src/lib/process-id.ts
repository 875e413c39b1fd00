import { readFileSync } from 'node:fs';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/PID/stat; 0 where there is no /proc. */
  readonly startTicks: number;
}

/** Undefined when there is no such process. A zombie counts as gone: it holds nothing any more. */
export function readProcessId(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name, in parentheses, may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, startTicks: Number(fields[19]) };
  } catch {
    return process.platform === 'linux' || !answersSignal(pid) ? undefined : { pid, startTicks: 0 };
  }
}

export function isSameProcessAlive(id: ProcessId): boolean {
  return readProcessId(id.pid)?.startTicks === id.startTicks;
}

/** Arguments of a process, its program first; empty when it is gone. */
export function readCommandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

function answersSignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const LONGEST_COMMAND = 80;

/** The program and its first words, on one line: arguments may hold what is nobody's business. */
export function describeCommand(pid: number): string {
  const [path = '', ...args] = readCommandLine(pid);
  const program = path.split('/').at(-1) ?? '';
  // The flags of Node itself, which its programs of a package come with, say nothing.
  const start = program === 'node' ? args.findIndex((arg) => !arg.startsWith('--')) : 0;
  const words = [program, ...args.slice(Math.max(0, start)).slice(0, 2)]
    .join(' ')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ');
  return words.length > LONGEST_COMMAND ? `${words.slice(0, LONGEST_COMMAND)}…` : words;
}
