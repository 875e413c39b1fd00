import { connect, createServer } from 'node:net';
import { afterPatience } from './patience.ts';
import { peekText } from './peek.ts';

/**
 * A name that at most one process of a network namespace has, whoever its user is, until it dies. It is an abstract unix
 * socket without permissions: any user can take any name, and whoever connects is told who has it.
 */
export interface HostClaim {
  release(): void;
}

/** Longest answer of a holder that is read. */
const LONGEST = 1_000;
/** Flags of a socket that takes connections, in /proc/net/unix. */
const LISTENS = '00010000';

/** Undefined when the name is taken. Throws the fault of the system for other reasons, such as too many open files. */
export async function tryClaim(name: string, introduce: () => string): Promise<HostClaim | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.unref();
    socket.end(introduce());
    socket.setTimeout(1_000, () => socket.destroy());
  });
  server.maxConnections = 16;
  const taken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(true);
      else reject(error);
    });
    server.listen({ path: `\0${name}`, exclusive: true }, () => resolve(false));
  });
  if (taken) return undefined;
  server.unref();
  return { release: () => void server.close() };
}

/** What the holder of a name says of itself, in printable characters; '' when it does not answer in time. */
export function askHolder(name: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ path: `\0${name}` });
    const done = () => {
      cancelTimeout();
      socket.destroy();
      resolve(text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST));
    };
    const cancelTimeout = afterPatience(timeoutMs, done);
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      text += part;
      if (text.length > LONGEST) done();
    });
    socket.on('error', done);
    socket.on('close', done);
  });
}

/** All names with this start that somebody has. */
export function listClaims(start: string): readonly string[] {
  const names = new Set<string>();
  for (const line of peekText('/proc/net/unix').split('\n')) {
    const at = line.indexOf(` @${start}`);
    // Connections bear the name, too, and may outlast it.
    if (at < 0 || line.split(' ')[3] !== LISTENS) continue;
    // The kernel writes the zeros that may follow a name as '@'.
    names.add(line.slice(at + 2).replace(/@+$/, ''));
  }
  return [...names];
}
