import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, rmSync } from 'node:fs';
import { type Clock, untilTick } from '../../lib/clock.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, O_WRONLY } = constants;

/** Makes the file Envoy appends to. An older one of that name may still be written to: it loses its name only. */
export function createLogFile(path: string): void {
  rmSync(path, { force: true });
  closeSync(openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600));
}

export interface FollowLogOptions {
  readonly path: string;
  /** The process that writes, where it runs: its file is read even if it lost its name. */
  readonly pid: number;
  /** Bytes that were read before. */
  readonly from: number;
  readonly onChunk: (chunk: Buffer) => void;
  /** Told what was left out, and of what size the file was; for people. */
  readonly onSkipped: (bytes: number) => void;
  readonly clock: Clock;
  readonly limits?: LogLimits;
}

export interface LogLimits {
  /** A file of this size that was read to its end is emptied. */
  readonly emptyAt: number;
  /** What is more behind than this is left out, but for the newest part. */
  readonly behind: number;
  readonly kept: number;
}

const LIMITS: LogLimits = { emptyAt: 4 * 1024 * 1024, behind: 16 * 1024 * 1024, kept: 256 * 1024 };
const LOOK_EVERY_MS = 100;
const CHUNK = 64 * 1024;
/** In one look; a second's worth of a talkative Envoy waits for the next. */
const CHUNKS_AT_ONCE = 32;

export interface FollowedLog {
  /** Bytes read so far, to go on from later. */
  readonly position: number;
  /** Reads all that is there now. */
  drain(): void;
  stop(): void;
}

/**
 * Reads a file that an Envoy appends to, as it grows. It is held open, and emptied in place: Envoy opened it for
 * appending and goes on at its new end, while a renamed file would be written to for ever. Others may rename, empty or
 * remove it; nothing of that stops Envoy or the reading.
 */
export function followLog(options: FollowLogOptions): FollowedLog {
  const { clock, onChunk, onSkipped, limits = LIMITS } = options;
  const buffer = Buffer.allocUnsafe(CHUNK);
  let fd: number | undefined;
  let position = options.from;
  let cancel = () => {};

  function read(chunks: number): void {
    fd ??= open(options);
    if (fd === undefined) return;
    const { size } = fstatSync(fd);
    // Emptied by somebody else.
    if (size < position) position = 0;
    if (size - position > limits.behind) {
      onSkipped(size - limits.kept - position);
      position = size - limits.kept;
    }
    for (let i = 0; i < chunks; i++) {
      const length = readSync(fd, buffer, 0, CHUNK, position);
      if (length === 0) break;
      position += length;
      // Not a view: the buffer is used again.
      onChunk(Buffer.from(buffer.subarray(0, length)));
    }
    if (position < limits.emptyAt || fstatSync(fd).size !== position) return;
    ftruncateSync(fd, 0);
    position = 0;
  }

  function look(): void {
    try {
      read(CHUNKS_AT_ONCE);
    } catch {
      // A disk that fails must not end the agent; the next look may do better.
    }
    cancel = clock.after(untilTick(clock, LOOK_EVERY_MS), look);
  }

  cancel = clock.after(untilTick(clock, LOOK_EVERY_MS), look);
  return {
    get position() {
      return position;
    },
    drain() {
      try {
        read(Number.POSITIVE_INFINITY);
      } catch {
        // As above.
      }
    },
    stop() {
      cancel();
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

/** By the descriptor of the writer first: its standard error is the file, whatever became of the name. */
function open({ path, pid }: FollowLogOptions): number | undefined {
  for (const candidate of [`/proc/${pid}/fd/2`, path]) {
    try {
      const fd = openSync(candidate, candidate === path ? O_RDWR | O_NOFOLLOW : O_RDWR);
      if (fstatSync(fd).isFile()) return fd;
      closeSync(fd);
    } catch {
      // Renamed or removed, or the process is gone.
    }
  }
  return undefined;
}
