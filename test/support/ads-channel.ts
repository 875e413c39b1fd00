import http2 from 'node:http2';
import net from 'node:net';

/** Where an ADS server is: TCP with or without TLS, or a unix socket. */
export interface AdsTarget {
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
  /** PEM of the CA; TLS is used when it is given. */
  readonly ca?: string | Buffer;
}

/** How a gRPC stream ended; code -1 when it broke without a status. */
export interface StreamEnd {
  readonly code: number;
  readonly message: string;
}

/** One raw ADS stream on a connection of its own: gRPC messages out, gRPC messages in, nothing understood. */
export interface AdsChannel {
  send(message: Uint8Array): void;
  /** Bytes as they are, without a gRPC frame. */
  sendRaw(bytes: Uint8Array): void;
  /** Stops reading: the server's writes pile up. */
  pause(): void;
  resume(): void;
  halfClose(): void;
  /** Cuts the connection without a word. */
  destroy(): void;
  readonly ended: Promise<StreamEnd>;
}

export interface AdsChannelOptions {
  readonly target: AdsTarget;
  readonly mode: 'sotw' | 'delta';
  readonly headers?: Readonly<Record<string, string>>;
  onMessage(message: Buffer): void;
  /** HTTP/2 window in bytes; small ones show back-pressure early. Default 1 MiB. */
  readonly windowBytes?: number;
  /** Time between HTTP/2 pings; none when absent. */
  readonly pingMs?: number;
}

const PATHS = { sotw: 'StreamAggregatedResources', delta: 'DeltaAggregatedResources' };

export function openAdsChannel(options: AdsChannelOptions): AdsChannel {
  const session = connect(options.target, options.windowBytes ?? 1024 * 1024);
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': `/envoy.service.discovery.v3.AggregatedDiscoveryService/${PATHS[options.mode]}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...options.headers,
    },
    { endStream: false },
  );
  readMessages(stream, options.onMessage);
  const ended = new Promise<StreamEnd>((resolve) => {
    let end: StreamEnd = { code: -1, message: 'connection lost' };
    const note = (headers: http2.IncomingHttpHeaders) => {
      if (headers['grpc-status'] === undefined) return;
      end = {
        code: Number(headers['grpc-status']),
        message: decodeURI(String(headers['grpc-message'] ?? '')),
      };
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', () => {});
    // A server that ended its side with a status waits for no more from ours.
    stream.on('end', () => stream.close());
    stream.on('close', () => {
      resolve(end);
      session.destroy();
    });
    session.on('error', (error: Error) => {
      if (end.code < 0) end = { code: -1, message: error.message };
    });
    session.on('close', () => resolve(end));
    if (options.pingMs !== undefined) pingEvery(session, options.pingMs);
  });
  return {
    send(message) {
      const frame = Buffer.allocUnsafe(5 + message.length);
      frame[0] = 0;
      frame.writeUInt32BE(message.length, 1);
      frame.set(message, 5);
      if (!stream.destroyed && !stream.writableEnded) stream.write(frame);
    },
    sendRaw: (bytes) => void stream.write(bytes),
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    halfClose: () => void stream.end(),
    destroy: () => session.destroy(),
    ended,
  };
}

function connect(target: AdsTarget, windowBytes: number): http2.ClientHttp2Session {
  const settings = { initialWindowSize: windowBytes, enablePush: false };
  const { socketPath, host = '127.0.0.1', port = 0, ca } = target;
  if (socketPath !== undefined) {
    return http2.connect('http://localhost', { settings, createConnection: () => net.connect(socketPath) });
  }
  if (ca === undefined) return http2.connect(`http://${host}:${port}`, { settings });
  return http2.connect(`https://${host}:${port}`, { settings, ca });
}

function pingEvery(session: http2.ClientHttp2Session, ms: number): void {
  const timer = setInterval(() => {
    if (!session.destroyed && !session.closed) session.ping(() => {});
  }, ms);
  timer.unref();
  session.on('close', () => clearInterval(timer));
}

/** Cuts the byte stream into gRPC messages; a message is one contiguous view or copy. */
function readMessages(stream: http2.ClientHttp2Stream, onMessage: (message: Buffer) => void): void {
  let rest: Buffer[] = [];
  let have = 0;
  let need = 5;
  stream.on('data', (chunk: Buffer) => {
    rest.push(chunk);
    have += chunk.length;
    if (have < need) return;
    let buffer = rest.length === 1 ? chunk : Buffer.concat(rest, have);
    while (buffer.length >= 5 && buffer.length >= 5 + buffer.readUInt32BE(1)) {
      const end = 5 + buffer.readUInt32BE(1);
      const message = buffer.subarray(5, end);
      buffer = buffer.subarray(end);
      onMessage(message);
    }
    rest = buffer.length === 0 ? [] : [buffer];
    have = buffer.length;
    need = have >= 5 ? 5 + buffer.readUInt32BE(1) : 5;
  });
}
