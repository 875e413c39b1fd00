import http2 from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import type { Clock } from '../../../lib/clock.ts';
import { describeError } from '../../../lib/coded-error.ts';
import { lookup } from '../../../lib/lookup.ts';
import { afterPatience } from '../../../lib/patience.ts';
import { createFrameReader, FrameError, MAX_MESSAGE_BYTES, toFrame } from './frame.ts';
import { OK, type StreamEnd, statusOf, statusOfHttp, UNAVAILABLE, UNKNOWN } from './status.ts';

/** Where a gRPC server is and how it proves who it is. */
export interface GrpcEndpoint {
  readonly host: string;
  readonly port: number;
  /** Absent: plain HTTP/2. */
  readonly tls?: {
    /** PEM; undefined: the roots of the system. */
    readonly ca?: string | readonly string[];
    /** Names of which the certificate must have one; empty: the host. */
    readonly names: readonly string[];
    /** Sent as SNI; undefined: the host, if it is a name. */
    readonly sni?: string;
    readonly verify: boolean;
  };
}

/** A connection with any number of streams. */
export interface GrpcConnection {
  open(path: string, metadata: Readonly<Record<string, string>>, events: ClientStreamEvents): ClientStream;
  close(): void;
}

export interface ClientStreamEvents {
  onMessage(message: Buffer): void;
  /** Once. */
  onEnd(end: StreamEnd): void;
}

export interface ClientStream {
  send(message: Uint8Array): void;
  /** Resets the stream; `onEnd` follows. */
  cancel(): void;
}

export interface ConnectOptions {
  readonly clock: Clock;
  /** Until TLS and HTTP/2 are up, in ms. */
  readonly connectTimeoutMs?: number;
  /** Between two pings, in ms. */
  readonly pingIntervalMs?: number;
  /** How long a ping may stay unanswered, in ms. */
  readonly pingTimeoutMs?: number;
  readonly maxMessageBytes?: number;
  /** The connection is gone; its streams have ended before. */
  readonly onClose: (reason: string) => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 10_000;
const PING_TIMEOUT_MS = 5_000;
const WINDOW_BYTES = 1024 * 1024;

/** Connects; resolves when the server has sent its HTTP/2 settings, rejects with the first thing that fails. */
export function connectGrpc(endpoint: GrpcEndpoint, options: ConnectOptions): Promise<GrpcConnection> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(
      `${endpoint.tls === undefined ? 'http' : 'https'}://${authority(endpoint)}`,
      {
        // Not dialled before the address is known to be one: nobody would close the socket.
        createConnection: () => dial(endpoint),
        settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
        maxSessionMemory: 256,
      },
    );
    let up = false;
    let reason = 'the control plane closed the connection';
    const { clock, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
    const giveUp = () => session.destroy(new Error(`no HTTP/2 from ${authority(endpoint)} in time`));
    const cancelTimeout = afterPatience(connectTimeoutMs, giveUp, clock);
    session.on('error', (error) => {
      reason = describeError(error);
    });
    session.on('goaway', (code, _last, data) => {
      reason = `the control plane is going away (${code}${data === undefined || data.length === 0 ? '' : `, ${data}`})`;
      session.close();
    });
    session.once('remoteSettings', () => {
      up = true;
      cancelTimeout();
      session.setLocalWindowSize(WINDOW_BYTES * 4);
      keepAlive(session, options);
      resolve({
        open: (path, metadata, events) =>
          openStream(session, { path, metadata, events, whyOver: () => reason }, options.maxMessageBytes),
        close: () => session.destroy(),
      });
    });
    session.once('close', () => {
      cancelTimeout();
      if (up) options.onClose(reason);
      else reject(new Error(reason));
    });
  });
}

function dial({ host, port, tls }: GrpcEndpoint): Socket {
  if (tls === undefined) return connectTcp({ host, port, lookup, noDelay: true, keepAlive: true });
  const servername = tls.sni ?? (isIP(host) === 0 ? host : '');
  const names = tls.names.length === 0 ? [host] : tls.names;
  const socket = connectTls({
    host,
    port,
    lookup,
    servername,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls.verify,
    ...(tls.ca === undefined ? {} : { ca: typeof tls.ca === 'string' ? tls.ca : [...tls.ca] }),
    checkServerIdentity: (_name, certificate) => {
      const errors = names.map((name) => checkServerIdentity(name, certificate));
      return errors.includes(undefined) ? undefined : errors[0];
    },
  });
  socket.setNoDelay(true);
  return socket;
}

function authority({ host, port }: GrpcEndpoint): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** A peer that is silent though its host is there, or gone without a word, is found by pings. */
function keepAlive(session: http2.ClientHttp2Session, options: ConnectOptions): void {
  const { clock, pingIntervalMs = PING_INTERVAL_MS, pingTimeoutMs = PING_TIMEOUT_MS } = options;
  let cancel = clock.after(pingIntervalMs, ping);
  session.once('close', () => cancel());
  function ping(): void {
    if (session.destroyed) return;
    const giveUp = () =>
      session.destroy(new Error(`the control plane did not answer a ping for ${pingTimeoutMs} ms`));
    cancel = afterPatience(pingTimeoutMs, giveUp, clock);
    session.ping((error) => {
      cancel();
      if (error === null) cancel = clock.after(pingIntervalMs, ping);
    });
  }
}

interface Call {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly events: ClientStreamEvents;
  /** Why the connection is over, once it is. */
  readonly whyOver: () => string;
}

function openStream(
  session: http2.ClientHttp2Session,
  { path, metadata, events, whyOver }: Call,
  maxMessageBytes = MAX_MESSAGE_BYTES,
): ClientStream {
  let status: StreamEnd | undefined;
  let cancelled = false;
  if (session.destroyed || session.closed) return unopened('the connection is closed', events);
  let stream: http2.ClientHttp2Stream;
  try {
    stream = session.request(
      { ...metadata, ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
      { endStream: false },
    );
  } catch (error) {
    // Headers of a bootstrap that HTTP/2 does not take.
    return unopened(describeError(error), events);
  }
  const cancel = () => {
    cancelled = true;
    stream.close(http2.constants.NGHTTP2_CANCEL);
  };
  const reader = createFrameReader(maxMessageBytes);
  stream.on('response', (headers, flags) => {
    // One in headers that others follow is metadata (gRPC over HTTP/2, "Trailers-Only").
    if ((flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0) status ??= statusOf(headers);
    const { ':status': http = 0 } = headers;
    if (status === undefined && http !== 200) {
      status = statusOfHttp(http);
      cancel();
    }
  });
  stream.on('trailers', (headers) => {
    status = statusOf(headers) ?? status;
  });
  stream.on('data', (chunk: Buffer) => {
    if (status !== undefined) return;
    try {
      for (const message of reader.push(chunk)) if (status === undefined) events.onMessage(message);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      status = { code: error.code, message: error.message };
      cancel();
    }
  });
  stream.on('error', (error) => {
    status ??= { code: UNAVAILABLE, message: describeError(error) };
  });
  // The server is through: what we might still say is of no interest to it.
  stream.on('end', () => stream.close());
  stream.once('close', () => {
    if (cancelled) status ??= { code: OK, message: 'cancelled' };
    // Node.js resets the streams of a connection that is over; the peer reset none.
    if (session.closed || session.destroyed) status ??= { code: UNAVAILABLE, message: whyOver() };
    events.onEnd(status ?? lost(stream.rstCode));
  });
  return {
    send(message) {
      if (!stream.destroyed && !stream.writableEnded) stream.write(toFrame(message));
    },
    cancel,
  };
}

function unopened(message: string, { onEnd }: ClientStreamEvents): ClientStream {
  queueMicrotask(() => onEnd({ code: UNAVAILABLE, message }));
  return { send() {}, cancel() {} };
}

function lost(resetCode: number | undefined): StreamEnd {
  return resetCode === undefined || resetCode === 0
    ? { code: UNKNOWN, message: 'the stream ended without a status' }
    : { code: UNAVAILABLE, message: `the stream was reset (HTTP/2 error ${resetCode})` };
}
