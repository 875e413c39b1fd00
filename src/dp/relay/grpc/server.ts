import { chmodSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { createFrameReader, FrameError, MAX_MESSAGE_BYTES, toFrame } from './frame.ts';
import { encodeMessage, type StreamEnd, UNIMPLEMENTED } from './status.ts';

/** One stream of a client, from the server's side. */
export interface ServerStream {
  readonly headers: http2.IncomingHttpHeaders;
  /** False while the client does not read; `onDrain` tells when it does again. */
  readonly writable: boolean;
  send(message: Uint8Array): void;
  /** Ends the stream with a status; the client hears it after what was sent before. */
  end(status: StreamEnd): void;
}

/** What becomes of a stream. The methods may end it. */
export interface StreamHandler {
  onMessage(message: Buffer): void;
  onDrain(): void;
  /** Once, however the stream ended. */
  onClose(): void;
}

/** A handler by method path; undefined answers UNIMPLEMENTED. */
export type Route = (path: string, stream: ServerStream) => StreamHandler | undefined;

export interface GrpcServer {
  /** Cuts all connections and removes the socket. */
  close(): Promise<void>;
}

const WINDOW_BYTES = 1024 * 1024;
/** Written and not yet read by the client: one more message may go beyond. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** Serves gRPC on a unix socket that only its owner may use. Its directory is expected to be private. */
export async function startGrpcServer(
  socketPath: string,
  route: Route,
  maxMessageBytes = MAX_MESSAGE_BYTES,
): Promise<GrpcServer> {
  // The memory limit of a session counts what is queued for it, the largest messages included.
  const server = http2.createServer({
    settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    maxSessionMemory: 256,
  });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.setLocalWindowSize(WINDOW_BYTES * 4);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => serveStream(stream, headers, { route, maxMessageBytes }));
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => resolve());
  });
  server.on('error', () => {});
  chmodSync(socketPath, 0o600);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
      rmSync(socketPath, { force: true });
    },
  };
}

function serveStream(
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  { route, maxMessageBytes }: { route: Route; maxMessageBytes: number },
): void {
  stream.on('error', () => {});
  if (!String(headers['content-type'] ?? '').startsWith('application/grpc')) {
    stream.respond({ ':status': 415 }, { endStream: true });
    return;
  }
  let end: StreamEnd | undefined;
  const out: ServerStream = {
    headers,
    get writable() {
      return end === undefined && stream.writable && stream.writableLength < HIGH_WATER_BYTES;
    },
    send(message) {
      if (end === undefined && stream.writable) stream.write(toFrame(message));
    },
    end(status) {
      if (end !== undefined) return;
      end = status;
      stream.end();
      // Whatever more the client says is of no interest.
      stream.resume();
    },
  };
  const handler = route(headers[':path'] ?? '', out);
  stream.once('close', () => handler?.onClose());
  stream.on('wantTrailers', () => {
    const { code, message } = end ?? { code: 0, message: '' };
    stream.sendTrailers({ 'grpc-status': String(code), 'grpc-message': encodeMessage(message) });
  });
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  if (handler === undefined) {
    out.end({ code: UNIMPLEMENTED, message: `no method ${headers[':path']}` });
    return;
  }
  const reader = createFrameReader(maxMessageBytes);
  stream.on('data', (chunk: Buffer) => {
    if (end !== undefined) return;
    try {
      for (const message of reader.push(chunk)) handler.onMessage(message);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      out.end({ code: error.code, message: error.message });
    }
  });
  stream.on('drain', () => handler.onDrain());
  stream.on('end', () => out.end({ code: 0, message: '' }));
}
