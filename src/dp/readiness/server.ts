import { chmodSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, ListenOptions } from 'node:net';
import { AgentError } from '../agent-error.ts';
import { describePortHolder } from '../ports/holders.ts';
import { explainPrivileged } from '../ports/privileged.ts';
import type { Answer } from './answer.ts';

const HOST = '127.0.0.1';

/**
 * Tells whether the proxy is ready, on a loopback port and on a unix socket. An allow-list of exact paths: nothing of
 * Envoy's admin interface can be reached through it.
 */
export interface ReadinessServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Paths and what answers them. */
export type Pages = Readonly<Record<string, () => Answer>>;

export interface ReadinessOptions {
  /** 0: the kernel chooses; undefined: only the socket. */
  readonly port: number | undefined;
  /** Taken if it is free, where the kernel may choose. */
  readonly before?: number;
  readonly socketPath: string;
  readonly pages: Pages;
  /** More answers for the owner of the socket, never on the port; false when it has none. */
  readonly onSocket?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** Throws AgentError `port-taken` when the port that was asked for is not free. */
export async function startReadinessServer({
  port,
  before = 0,
  socketPath,
  pages,
  onSocket = () => false,
}: ReadinessOptions): Promise<ReadinessServer> {
  const onRequest = answerFrom(pages);
  const tcp = createSmallServer(onRequest);
  const unix = createSmallServer((request, response) => {
    if (!onSocket(request, response)) onRequest(request, response);
  });
  try {
    if (port !== undefined) await listenAt(tcp, port, before);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      throw explainPrivileged(cause, '--readiness-port', port ?? 0);
    const holder = describePortHolder(HOST, port ?? 0);
    throw new AgentError(
      'port-taken',
      `readiness port ${port ?? 0} is taken${holder === undefined ? '' : ` by ${holder}`}; choose another --readiness-port (KUMA_READINESS_PORT), or leave it out`,
    );
  }
  try {
    await listen(unix, { path: socketPath });
    chmodSync(socketPath, 0o600);
  } catch (error) {
    await Promise.all([closeServer(tcp), closeServer(unix)]);
    throw error;
  }
  return {
    port: (tcp.address() as AddressInfo | null)?.port ?? 0,
    close: async () => {
      await Promise.all([closeServer(tcp), closeServer(unix)]);
    },
  };
}

function answerFrom(pages: Pages): RequestListener {
  return ({ method, url = '' }, response) => {
    const page = Object.hasOwn(pages, url) ? pages[url] : undefined;
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    response.setHeader('cache-control', 'no-store');
    if (page === undefined) return void response.writeHead(404).end('not found\n');
    if (method !== 'GET' && method !== 'HEAD')
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    const { status, body } = page();
    response.writeHead(status).end(method === 'HEAD' ? undefined : body);
  };
}

/** Readers are probes of this host: few, short and quick. */
function createSmallServer(onRequest: RequestListener): Server {
  const server = createServer(
    {
      ...{ headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 4096 },
      // Node looks for requests that are late only every 30 s by itself.
      connectionsCheckingInterval: 2_500,
    },
    onRequest,
  );
  server.maxConnections = 64;
  return server;
}

async function listenAt(server: Server, port: number, before: number): Promise<void> {
  if (port !== 0 || before === 0) return listen(server, { host: HOST, port });
  await listen(server, { host: HOST, port: before }).catch(() => listen(server, { host: HOST, port: 0 }));
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...options, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
