import type { RequestListener } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../../lib/logger.ts';
import { createHttpServer } from '../api/http-server.ts';
import { type Identity, TlsPort } from '../ports/tls-port.ts';

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
  readonly #port: TlsPort;

  constructor({ identity, onGrpc, onRequest, logger }: DpServerOptions) {
    const http = createHttpServer(onRequest);
    this.#port = new TlsPort({
      identity,
      alpn: {
        ALPNCallback: ({ protocols }) =>
          protocols.includes('http/1.1') ? 'http/1.1' : protocols.find((p) => p === 'h2'),
      },
      onTls: (socket) => {
        if (socket.alpnProtocol === 'h2') onGrpc(socket);
        else http.emit('connection', socket);
      },
      onPlain: refusePlain,
      onFailedHandshake: (error, socket) =>
        logger.debug({ peer: socket.remoteAddress, error: error.message }, 'TLS handshake failed'),
    });
  }

  /** The listening socket; `listen` opens it. */
  get server(): Server {
    return this.#port.server;
  }

  /** New connections use it at once, open ones keep what they have. */
  setIdentity(identity: Identity): void {
    this.#port.setIdentity(identity);
  }

  /**
   * Stops listening; `closeConnections` says goodbye on those that are open. What was written gets a moment to reach the
   * peers, since a connection that is cut takes it along; then the rest is cut.
   */
  close(closeConnections: () => Promise<void>): Promise<void> {
    return this.#port.close(async (allGone) => {
      await closeConnections();
      let timer: NodeJS.Timeout | undefined;
      const moment = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LAST_WORDS_MS);
      });
      await Promise.race([allGone, moment]);
      clearTimeout(timer);
    });
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
