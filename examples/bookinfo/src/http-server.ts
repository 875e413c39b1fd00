import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a service sees of a request. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The whole body as text; fails above 64 KiB. */
  body(): Promise<string>;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent in chunks, without a Content-Length. */
  readonly chunked?: boolean;
}

/** A whole service: one function from request to reply. */
export type Service = (request: Request) => Reply | Promise<Reply>;

export interface RunningServer {
  readonly port: number;
  /** Stops accepting, lets running requests finish for up to `graceMs`, then cuts them. */
  stop(graceMs?: number): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;

export function json(status: number, value: unknown): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

export function text(status: number, body: string, type = 'text/plain; charset=utf-8'): Reply {
  return { status, headers: { 'content-type': type }, body };
}

export const NOT_FOUND: Reply = { status: 404 };

/** Listens and answers with `service`. Fails when the port is taken; port 0 lets the kernel choose. */
export async function serve(service: Service, where: { port: number; bind: string }): Promise<RunningServer> {
  const server = createServer((incoming, outgoing) => {
    // A connection that outlives the server's socket would keep the process until its idle time is over.
    outgoing.on('finish', () => server.listening || server.closeIdleConnections());
    void answer(service, incoming, outgoing);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where.port, where.bind, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: (graceMs = 8_000) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

async function answer(service: Service, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  let reply: Reply;
  try {
    reply = await service(toRequest(incoming));
  } catch (error) {
    console.error(
      `${incoming.method} ${incoming.url}: ${error instanceof Error ? error.message : String(error)}`,
    );
    reply = json(500, { error: 'internal error' });
  }
  const body = reply.body ?? '';
  const length = reply.chunked === true ? {} : { 'content-length': Buffer.byteLength(body) };
  outgoing.writeHead(reply.status, { ...reply.headers, ...length });
  if (reply.chunked === true) outgoing.write(body);
  outgoing.end(reply.chunked === true ? undefined : body);
}

function toRequest(incoming: IncomingMessage): Request {
  // A base of our own: the request's Host is whatever the caller says, and `//` would start a host name.
  const url = new URL(`http://bookinfo${(incoming.url ?? '/').replace(/^[^/].*|^\/\//, '/')}`);
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: () => readBody(incoming),
  };
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Error(`the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
