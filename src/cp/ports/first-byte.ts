import { createServer, type Server, type Socket } from 'node:net';

/** A TLS ClientHello is a handshake record, and only that begins with 0x16. */
const TLS_HANDSHAKE = 0x16;

export interface FirstByteHandlers {
  readonly onTls: (socket: Socket) => void;
  readonly onPlain: (socket: Socket) => void;
}

/**
 * One listening socket for two kinds of client, told apart by the first byte they send. Who sends nothing for
 * `firstByteMs` is cut, so that half-open connections do not pile up.
 */
export function createFirstByteServer(
  handlers: FirstByteHandlers,
  { firstByteMs = 10_000, maxConnections = 20_000 } = {},
): Server {
  const server = createServer({ noDelay: true }, (socket) => {
    const timer = setTimeout(() => socket.destroy(), firstByteMs);
    timer.unref();
    socket.on('error', () => socket.destroy());
    socket.once('close', () => clearTimeout(timer));
    socket.once('data', (chunk: Buffer) => {
      clearTimeout(timer);
      socket.pause();
      socket.unshift(chunk);
      (chunk[0] === TLS_HANDSHAKE ? handlers.onTls : handlers.onPlain)(socket);
      process.nextTick(() => socket.resume());
    });
  });
  server.maxConnections = maxConnections;
  return server;
}
