import { ChildProcess, spawn } from 'node:child_process';
import { afterPatience } from '../../lib/patience.ts';
import type { ProbeResult } from './judge.ts';

/** Its last words explain a failure; more is read and thrown away, so that a chatty command does not block. */
const KEPT_BYTES = 512;

/**
 * Runs a command in a process group of its own; exit code 0 is well. When its time is over, or when it ended, nothing
 * of the group is left, and its end is waited for. There is no shell but one that is asked for.
 */
export function probeExec(
  [program, ...args]: readonly [string, ...string[]],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  if (signal.aborted) return Promise.resolve({ ok: false, reason: 'cancelled' });
  return new Promise((resolve) => {
    const child = tryToSpawn([program, ...args]);
    if (!(child instanceof ChildProcess))
      return resolve({ ok: false, reason: `${program} cannot be started (${child.code ?? child.message})` });
    let output = '';
    // Where no descriptor is left there are no pipes; the error follows.
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString('utf8')).slice(-KEPT_BYTES);
      });
      stream?.on('error', () => {});
    }
    let late = false;
    const cancelTimeout = afterPatience(timeoutMs, () => {
      late = true;
      killGroup(child);
    });
    const onAbort = () => killGroup(child);
    signal.addEventListener('abort', onAbort, { once: true });
    const end = (result: ProbeResult) => {
      cancelTimeout();
      signal.removeEventListener('abort', onAbort);
      resolve(result);
    };
    child.once('error', (error: NodeJS.ErrnoException) =>
      end({ ok: false, reason: `${program} cannot be started (${error.code ?? error.message})` }),
    );
    // What it left in the background holds the pipes; the end of the command itself is what counts.
    child.once('exit', (code, killedBy) => {
      killGroup(child);
      child.stdout?.destroy();
      child.stderr?.destroy();
      end(late ? tooLate(program, timeoutMs) : toResult(program, { code, killedBy, output }));
    });
  });
}

/** Some faults are thrown, others become events. */
function tryToSpawn([program, ...args]: readonly [string, ...string[]]):
  | ChildProcess
  | NodeJS.ErrnoException {
  try {
    return spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function tooLate(program: string, timeoutMs: number): ProbeResult {
  return { ok: false, reason: `${program} did not end within ${timeoutMs} ms and was killed` };
}

function toResult(
  program: string,
  { code, killedBy, output }: { code: number | null; killedBy: string | null; output: string },
): ProbeResult {
  if (code === 0) return { ok: true, reason: '' };
  const how = code === null ? `was killed by ${killedBy}` : `exits with ${code}`;
  const words = output.trim().split('\n').at(-1) ?? '';
  return { ok: false, reason: `${program} ${how}${words === '' ? '' : `: ${words}`}` };
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
