import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What a running demo leaves for `--stop` and for a second start in the same clone. */
export interface DemoState {
  readonly pid: number;
  /** Start time of that process in clock ticks, so that another one with its number is not taken for it. */
  readonly ticks: string;
  /** Its directory for logs and data. */
  readonly folder: string;
}

/** The demo of this clone that runs, or what one that was killed left behind. */
export function readState(file: string): (DemoState & { readonly alive: boolean }) | undefined {
  try {
    const state = JSON.parse(readFileSync(file, 'utf8')) as DemoState;
    return { ...state, alive: startTicks(state.pid) === state.ticks };
  } catch {
    return undefined;
  }
}

/** Fails when another demo has just written it. */
export function writeState(file: string, folder: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const state: DemoState = { pid: process.pid, ticks: startTicks(process.pid) ?? '', folder };
  writeFileSync(file, JSON.stringify(state), { flag: 'wx' });
}

export function removeState(file: string): void {
  rmSync(file, { force: true });
}

function startTicks(pid: number): string | undefined {
  try {
    // After the command, which may hold spaces and brackets: state is field 3, the start time field 22.
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  } catch {
    return undefined;
  }
}
