import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

/** What came back on a connection until the server ended it. */
export interface Conversation {
  readonly answer: string;
  /** From the first byte sent to the end of the connection. */
  readonly ms: number;
}

export interface AttackOptions {
  readonly port: number;
  /** TLS before the bytes, with this ALPN list; the certificate is not looked at. */
  readonly alpn?: readonly string[];
  /** What is sent; later parts as fast as the server takes them. */
  readonly send?: readonly (string | Uint8Array)[];
  /** Sent again and again until the server ends the connection. */
  readonly drip?: { readonly bytes: string; readonly everyMs: number };
  /** Ends our side after sending. */
  readonly end?: boolean;
  readonly timeoutMs?: number;
}

/** Sends bytes and listens until the server ends the connection; throws when it does not within the time. */
export async function attack(options: AttackOptions): Promise<Conversation> {
  const { send = [], drip, end = false, timeoutMs = 60_000 } = options;
  const start = performance.now();
  const socket = open(options);
  const chunks: Buffer[] = [];
  let late = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const timers = [
    setTimeout(() => {
      late = true;
      socket.destroy();
    }, timeoutMs),
    ...(drip === undefined ? [] : [setInterval(() => socket.write(drip.bytes), drip.everyMs)]),
  ];
  for (const part of send) {
    if (socket.destroyed) break;
    if (!socket.write(part))
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  }
  if (end) socket.end();
  await closed;
  for (const timer of timers) clearTimeout(timer);
  const answer = Buffer.concat(chunks).toString('latin1');
  if (late) throw new Error(`port ${options.port} kept the connection open; it had answered: ${answer}`);
  return { answer, ms: performance.now() - start };
}

/** Connections that say nothing; returns what closes them. Those the server cuts count too. */
export async function openIdle(port: number, count: number): Promise<() => void> {
  const sockets: net.Socket[] = [];
  for (let batch = 0; batch < count; batch += 200) {
    const opened = Array.from({ length: Math.min(200, count - batch) }, () => open({ port }));
    sockets.push(...opened);
    await Promise.all(opened.map((s) => Promise.race([once(s, 'connect'), once(s, 'error')])));
  }
  for (const socket of sockets) socket.on('error', () => {});
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

function open({ port, alpn }: Pick<AttackOptions, 'port' | 'alpn'>): net.Socket {
  if (alpn === undefined) return net.connect({ port, host: '127.0.0.1' });
  // Not `http/1.1` alone where none is wanted: an empty list sends no ALPN at all.
  const protocols = alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] };
  return tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...protocols });
}
