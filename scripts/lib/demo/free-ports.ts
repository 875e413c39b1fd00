import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Endpoint } from './layout.ts';

/** What is wrong with the sockets the demo needs, all of it, in sentences for people. Empty: they are free. */
export async function findPortTroubles(wanted: readonly Endpoint[]): Promise<readonly string[]> {
  const codes = await Promise.all(wanted.map(tryToListen));
  if (codes.includes('EADDRNOTAVAIL')) {
    const address = wanted[codes.indexOf('EADDRNOTAVAIL')]?.address;
    return [`${address} is not an address of this machine; give one of its own with --ip`];
  }
  return wanted.flatMap(({ address, port, use }, index) => {
    const code = codes[index];
    if (code === undefined) return [];
    if (code !== 'EADDRINUSE') return [`port ${port} on ${address}, for ${use}, cannot be used: ${code}`];
    return [
      `port ${port}, for ${use}, is taken by ${describeHolder(port) ?? 'a program that this user may not see'}`,
    ];
  });
}

/** The error code of listening there, undefined when it works. */
function tryToListen({ address, port }: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, address, () => server.close(() => resolve(undefined)));
  });
}

/** `envoy (process 123)`: who listens on the port, as far as /proc tells this user. */
export function describeHolder(port: number): string | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!holdsSocket(pid, inodes)) continue;
    const words = readText(`/proc/${pid}/cmdline`)
      .split('\0')
      .filter((word) => word !== '');
    return `process ${pid}: ${words.join(' ').slice(0, 120)}`;
  }
  return undefined;
}

function listeningInodes(port: number): ReadonlySet<string> {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readText(file).split('\n').slice(1));
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const fields = lines.map((line) => line.trim().split(/\s+/));
  // Column 1 is the local address, column 3 the state (0A: listening), column 9 the inode.
  return new Set(fields.filter((f) => f[1]?.endsWith(wanted) && f[3] === '0A').map((f) => f[9] ?? ''));
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    return false;
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
