import { createServer } from 'node:net';
import { peekDirectory, peekLink, peekText } from './peek.ts';
import { describeCommand } from './process-id.ts';

/** Whether a TCP port of an address can be listened on right now, without SO_REUSEPORT. */
export async function isPortFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** `process 4711: node server.js` for who listens on a TCP port; undefined when /proc does not tell this user. */
export function describePortHolder(port: number): string | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const pid of peekDirectory('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const fd of peekDirectory(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(peekLink(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return `process ${pid}: ${describeCommand(Number(pid))}`;
    }
  }
  return undefined;
}

function listeningInodes(port: number): ReadonlySet<string> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of peekText(table).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      // 0A is TCP_LISTEN.
      if (fields[3] === '0A' && fields[1]?.endsWith(`:${hexPort}`) === true) inodes.add(fields[9] ?? '');
    }
  }
  return inodes;
}
