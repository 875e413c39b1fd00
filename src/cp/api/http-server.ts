import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { problem, renderJson } from './problem.ts';

/** What one client may cost. Milliseconds and bytes. */
export interface HttpLimits {
  /** From the opening of a connection, or the end of the answer before, to the last header byte. */
  readonly headersMs: number;
  /** The same, to the last byte of the body. */
  readonly requestMs: number;
  /** A connection on which nothing moves in either direction, a peer that does not read included. */
  readonly silenceMs: number;
  readonly keepAliveMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
  /** Of one peer address, so that one client cannot lock out the others. */
  readonly maxConnectionsPerPeer: number;
}

const DEFAULT_LIMITS: HttpLimits = {
  headersMs: 10_000,
  requestMs: 30_000,
  silenceMs: 60_000,
  keepAliveMs: 15_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 1024,
  maxConnectionsPerPeer: 512,
};

/**
 * A server that has not begun to listen. Sockets, plain or TLS, may also be handed to it with
 * `emit('connection', socket)`; the limits hold for them too, but for `maxConnections`, which whoever accepts them has
 * to watch.
 */
export function createHttpServer(handle: RequestListener, limits: Partial<HttpLimits> = {}): Server {
  const effective = { ...DEFAULT_LIMITS, ...limits };
  const options = {
    // A missing Host is answered by the handler, in JSON like everything else.
    requireHostHeader: false,
    maxHeaderSize: effective.maxHeaderBytes,
    headersTimeout: effective.headersMs,
    requestTimeout: effective.requestMs,
    keepAliveTimeout: effective.keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, effective.headersMs / 2),
  };
  const server = createServer(options, handle);
  server.timeout = effective.silenceMs;
  server.maxConnections = effective.maxConnections;
  limitPeers(server, effective.maxConnectionsPerPeer);
  server.on('clientError', answerMalformed);
  // Node begins to watch header and request times on `listening`, which never comes where sockets are handed over.
  server.emit('listening');
  return server;
}

/** Stops accepting, lets answers under way end for `graceMs`, then cuts what is left. */
export async function closeHttpServer(server: Server, graceMs: number): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}

const DISCARD_BYTES = 64 * 1024 * 1024;
const DISCARD_MS = 1_000;

/**
 * Reads what is left of a body and throws it away, within limits. Who is refused in the middle of sending and then cut
 * gets to know that the connection broke, and not why.
 */
export function discardBody(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let size = 0;
    const done = () => {
      clearTimeout(timer);
      request.off('data', count);
      resolve();
    };
    const count = (chunk: Buffer) => {
      size += chunk.length;
      if (size > DISCARD_BYTES) done();
    };
    const timer = setTimeout(done, DISCARD_MS);
    request.on('data', count).once('end', done).once('close', done).once('error', done);
    request.resume();
  });
}

function limitPeers(server: Server, most: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress ?? '';
    const count = (open.get(peer) ?? 0) + 1;
    open.set(peer, count);
    socket.once('close', () => {
      const left = (open.get(peer) ?? 1) - 1;
      if (left === 0) open.delete(peer);
      else open.set(peer, left);
    });
    if (count > most) socket.destroy();
  });
}

const MALFORMED: Readonly<Record<string, readonly [status: number, reason: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'the request headers are too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large', 'the chunk extensions are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'the request did not arrive in time'],
};

/** Bytes that are no HTTP request never reach a handler: a short answer where one is still possible, then the end. */
function answerMalformed(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, title, detail] = MALFORMED[error.code ?? ''] ?? [
    400,
    'Bad Request',
    'the request is not valid HTTP',
  ];
  const body = renderJson(problem({ status, title, detail }).body);
  const head = `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/json\r\nconnection: close\r\n`;
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  // A peer that goes on sending is not read any more; one that does not close its side is cut.
  const timer = setTimeout(() => socket.destroy(), 1000);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
