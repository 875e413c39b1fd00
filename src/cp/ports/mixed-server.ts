import type { Server as HttpServer, RequestListener, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { createHttpServer } from '../api/http-server.ts';
import type { Identity } from '../dp-server/dp-server.ts';
import { createFirstByteServer } from './first-byte.ts';

export interface MixedServerOptions {
  readonly identity: Identity;
  /** Serves connections that begin with a TLS handshake; its limits are its own. */
  readonly overTls: HttpServer;
  /** Answers plain HTTP. */
  readonly plain: RequestListener;
}

/** Port 5682: today's REST API over TLS and the bootstrap of 0.1 over plain HTTP, on one socket. */
export class MixedServer {
  readonly #net: Server;
  readonly #tls: TlsServer;
  readonly #sockets = new Set<Socket>();
  #answering = 0;
  #onQuiet: () => void = () => {};

  constructor({ identity, overTls, plain }: MixedServerOptions) {
    const http = createHttpServer(plain);
    for (const server of [http, overTls]) server.on('request', (_request, response) => this.#count(response));
    this.#tls = createTlsServer(
      {
        cert: identity.certPem,
        key: identity.keyPem,
        minVersion: 'TLSv1.2',
        handshakeTimeout: 10_000,
        ALPNProtocols: ['http/1.1'],
      },
      (socket) => {
        socket.on('error', () => socket.destroy());
        overTls.emit('connection', socket);
      },
    );
    this.#tls.on('tlsClientError', (_error, socket) => socket.destroy());
    this.#net = createFirstByteServer({
      onTls: (socket) => this.#tls.emit('connection', socket),
      onPlain: (socket) => http.emit('connection', socket),
    });
    this.#net.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get server(): Server {
    return this.#net;
  }

  setIdentity({ certPem, keyPem }: Identity): void {
    this.#tls.setSecureContext({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' });
  }

  /** Stops accepting, lets answers under way end for `graceMs`, then cuts what is left. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#net.close(() => resolve()));
    if (this.#answering > 0) await this.#quiet(graceMs);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #quiet(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.#onQuiet = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #count(response: ServerResponse): void {
    this.#answering++;
    response.once('close', () => {
      this.#answering--;
      if (this.#answering === 0) this.#onQuiet();
    });
  }
}
