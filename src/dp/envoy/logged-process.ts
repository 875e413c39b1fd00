import { closeSync, constants, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { type Clock, untilTick } from '../../lib/clock.ts';
import { writePrivateFile } from '../../lib/private-file.ts';
import type { ProcessId } from '../../lib/process-id.ts';
import { describeEnd, followProcess, type KeptStart, startKeptEnvoy } from './kept-process.ts';
import { createLogFile, followLog } from './log-file.ts';
import type { EnvoyProcess } from './process.ts';

export interface LoggedOptions {
  readonly logPath: string;
  /** How far the log was read is noted here, for the next agent. */
  readonly positionPath: string;
  /** What Envoy prints, a tenth of a second later. */
  readonly onOutput: (chunk: Buffer) => void;
  /** What an agent before this one has read, as far as the file still holds it; the newest part. */
  readonly onEarlier: (chunk: Buffer) => void;
  /** Its last lines. */
  readonly tail: () => readonly string[];
  readonly onSkipped: (bytes: number) => void;
  readonly clock: Clock;
}

/** An Envoy that outlives the agent: no child, and it prints into a file. */
export interface LoggedProcess extends EnvoyProcess {
  /** 0 when it could not be started. */
  readonly startTicks: number;
  /** Lets go of it: the next agent goes on where this one stopped to read. */
  forget(): void;
}

export function startLogged(start: Omit<KeptStart, 'logPath'>, options: LoggedOptions): LoggedProcess {
  createLogFile(options.logPath);
  rmSync(options.positionPath, { force: true });
  return follow(startKeptEnvoy({ ...start, logPath: options.logPath }), 0, options);
}

export function adoptLogged(id: ProcessId, options: LoggedOptions): LoggedProcess {
  const from = readPosition(options.positionPath);
  options.onEarlier(readBefore(options.logPath, from));
  return follow(id, from, options);
}

const EARLIER_BYTES = 64 * 1024;

function readBefore(path: string, end: number): Buffer {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const start = Math.max(0, end - EARLIER_BYTES);
      const buffer = Buffer.alloc(end - start);
      return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, start));
    } finally {
      closeSync(fd);
    }
  } catch {
    return Buffer.alloc(0);
  }
}

const NOTE_EVERY_MS = 500;

function follow(id: ProcessId | undefined, from: number, options: LoggedOptions): LoggedProcess {
  const { logPath, positionPath, onOutput, onSkipped, tail, clock } = options;
  const log = followLog({ path: logPath, pid: id?.pid ?? 0, from, onChunk: onOutput, onSkipped, clock });
  let noted = from;
  const note = () => {
    if (log.position === noted) return;
    noted = log.position;
    try {
      writePrivateFile(positionPath, String(noted));
    } catch {
      // Some lines may come twice then, in the log of the next agent.
    }
  };
  let cancelNote = () => {};
  const noteAgain = () => {
    note();
    cancelNote = clock.after(untilTick(clock, NOTE_EVERY_MS), noteAgain);
  };
  noteAgain();
  const stop = () => {
    cancelNote();
    log.stop();
  };
  const process = followProcess(id, {
    clock,
    onGone() {
      log.drain();
      stop();
      for (const path of [logPath, positionPath]) rmSync(path, { force: true });
      return describeEnd(tail());
    },
  });
  return {
    ...process,
    startTicks: id?.startTicks ?? 0,
    forget() {
      process.forget();
      log.drain();
      note();
      stop();
    },
  };
}

function readPosition(path: string): number {
  try {
    const position = Number(readFileSync(path, 'utf8'));
    return Number.isSafeInteger(position) && position > 0 ? position : 0;
  } catch {
    return 0;
  }
}
