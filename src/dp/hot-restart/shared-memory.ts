import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * Envoy's epochs find each other by a base-id: a file of 104 bytes in /dev/shm, which Envoy never removes, and sockets.
 * An id belongs to one agent, from its first Envoy to its last.
 */
const SHM_DIR = '/dev/shm';
/** Envoy multiplies ids by ten and overflows above 2³¹. */
const BASE_ID_LIMIT = 214_748_364;

/** `envoy_shared_memory_<10 × id>`: the name Envoy gives it. */
export function sharedMemoryPath(baseId: number, dir = SHM_DIR): string {
  return join(dir, `envoy_shared_memory_${baseId * 10}`);
}

export function isSharedMemoryWritable(dir = SHM_DIR): boolean {
  try {
    accessSync(dir, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** False where not even one more page or file fits: an Envoy that makes its file there dies of SIGBUS. */
export function hasRoomForSharedMemory(dir = SHM_DIR): boolean {
  try {
    const { blocks, bavail, files, ffree } = statfsSync(dir);
    // Nothing is counted where there is no limit.
    return (blocks === 0 || bavail > 0) && (files === 0 || ffree > 0);
  } catch {
    return false;
  }
}

/** A random id whose file does not exist; one that does may belong to an Envoy of somebody else. */
export function chooseBaseId(random: () => number = Math.random, dir = SHM_DIR): number {
  for (;;) {
    const id = 1 + Math.floor(random() * (BASE_ID_LIMIT - 1));
    if (!existsSync(sharedMemoryPath(id, dir))) return id;
  }
}

export function removeSharedMemory(baseId: number, dir = SHM_DIR): void {
  try {
    rmSync(sharedMemoryPath(baseId, dir), { force: true });
  } catch {
    // Another user's file of that name is not ours.
  }
}

const SIZE = 104;
const LAYOUT_VERSION = 11n;
const FLAGS_OFFSET = 96;
const INITIALIZING = 1n;

/**
 * Takes back the mark "an epoch is initializing" that a child leaves behind when it dies early: with it every later
 * epoch refuses to start. Only while no child runs. False when the file is not laid out as known, and nothing was done.
 */
export function clearInitializing(baseId: number, dir = SHM_DIR): boolean {
  let fd: number;
  try {
    fd = openSync(sharedMemoryPath(baseId, dir), constants.O_RDWR | constants.O_NOFOLLOW);
  } catch {
    return false;
  }
  try {
    const content = Buffer.alloc(SIZE + 1);
    const size = readSync(fd, content, 0, SIZE + 1, 0);
    if (size !== SIZE || content.readBigUInt64LE(0) !== BigInt(SIZE)) return false;
    if (content.readBigUInt64LE(8) !== LAYOUT_VERSION) return false;
    const flags = content.readBigUInt64LE(FLAGS_OFFSET);
    if ((flags & INITIALIZING) === 0n) return true;
    const cleared = Buffer.alloc(8);
    cleared.writeBigUInt64LE(flags & ~INITIALIZING);
    return writeSync(fd, cleared, 0, 8, FLAGS_OFFSET) === 8;
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
}
