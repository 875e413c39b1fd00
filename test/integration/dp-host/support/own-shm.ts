import { spawnSync } from 'node:child_process';

// Other tests of this machine leave and hold shared memory: a mount namespace gives a program a /dev/shm of its own.
const WAYS = [['--mount'], ['--user', '--map-root-user', '--mount']] as const;

/** The command so that it sees an own /dev/shm, prepared by a line of shell; undefined where the kernel forbids it. */
export function withOwnSharedMemory(command: readonly string[], prepare = ''): readonly string[] | undefined {
  way ??= WAYS.find((flags) => spawnSync('unshare', [...flags, 'true']).status === 0) ?? 'none';
  if (way === 'none') return undefined;
  const script = `mount -t tmpfs tmpfs /dev/shm && { ${prepare === '' ? ':' : prepare}; } && exec "$@"`;
  return ['unshare', ...way, 'sh', '-c', script, 'sh', ...command];
}

let way: (typeof WAYS)[number] | 'none' | undefined;
