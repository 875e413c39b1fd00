import type { Server as HttpServer, RequestListener } from 'node:http';
import type { Server, Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Logger } from '../../lib/logger.ts';
import { createHttpServer } from '../api/http-server.ts';
import { createFirstByteServer } from '../ports/first-byte.ts';

/** Certificate and key in PEM. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface DpServerOptions {
  readonly identity: Identity;
  /** Takes over the TLS connection of a gRPC client. */
  readonly onGrpc: (socket: TLSSocket) => void;
  /** Answers HTTP/1.1 requests: the bootstrap. */
  readonly onRequest: RequestListener;
  readonly logger: Logger;
}

/**
 * Port 5678: xDS over gRPC and the bootstrap over HTTPS on one socket. ALPN decides: who offers http/1.1 (agents, curl)
 * speaks HTTP, who offers only h2 (Envoy and every gRPC library) speaks gRPC. Plain HTTP is told so and cut.
 */
export class DpServer {
  readonly #net: Server;
  readonly #tls: TlsServer;
  readonly #http: HttpServer;
  readonly #sockets = new Set<Socket>();

  constructor({ identity, onGrpc, onRequest, logger }: DpServerOptions) {
    this.#http = createHttpServer(onRequest);
    this.#tls = createTlsServer(
      {
        cert: identity.certPem,
        key: identity.keyPem,
        minVersion: 'TLSv1.2',
        handshakeTimeout: 10_000,
        ALPNCallback: ({ protocols }) =>
          protocols.includes('http/1.1') ? 'http/1.1' : protocols.find((p) => p === 'h2'),
      },
      (socket) => {
        socket.on('error', () => socket.destroy());
        if (socket.alpnProtocol === 'h2') onGrpc(socket);
        else this.#http.emit('connection', socket);
      },
    );
    this.#tls.on('tlsClientError', (error, socket) => {
      logger.debug({ peer: socket.remoteAddress, error: error.message }, 'TLS handshake failed');
      socket.destroy();
    });
    this.#net = createFirstByteServer({
      onTls: (socket) => this.#tls.emit('connection', socket),
      onPlain: refusePlain,
    });
    this.#net.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** The listening socket; `listen` opens it. */
  get server(): Server {
    return this.#net;
  }

  /** New connections use it at once, open ones keep what they have. */
  setIdentity({ certPem, keyPem }: Identity): void {
    this.#tls.setSecureContext({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' });
  }

  /**
   * Stops listening; `closeConnections` says goodbye on those that are open. What was written gets a moment to reach the
   * peers, since a connection that is cut takes it along; then the rest is cut.
   */
  async close(closeConnections: () => Promise<void>): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#net.close(() => resolve()));
    await closeConnections();
    let timer: NodeJS.Timeout | undefined;
    const moment = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_WORDS_MS);
    });
    await Promise.race([closed, moment]);
    clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

const LAST_WORDS_MS = 300;

function refusePlain(socket: Socket): void {
  const body = 'Client sent an HTTP request to an HTTPS server.\n';
  socket.end(
    `HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  socket.setTimeout(1_000, () => socket.destroy());
}
