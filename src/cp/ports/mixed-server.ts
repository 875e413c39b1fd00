import type { Server as HttpServer, RequestListener, ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import { createHttpServer } from '../api/http-server.ts';
import { type Identity, TlsPort } from './tls-port.ts';

export interface MixedServerOptions {
  readonly identity: Identity;
  /** Serves connections that begin with a TLS handshake; its limits are its own. */
  readonly overTls: HttpServer;
  /** Answers plain HTTP. */
  readonly plain: RequestListener;
}

/** Port 5682: today's REST API over TLS and the bootstrap of 0.1 over plain HTTP, on one socket. */
export class MixedServer {
  readonly #port: TlsPort;
  #answering = 0;
  #onQuiet: () => void = () => {};

  constructor({ identity, overTls, plain }: MixedServerOptions) {
    const http = createHttpServer(plain);
    for (const server of [http, overTls]) server.on('request', (_request, response) => this.#count(response));
    this.#port = new TlsPort({
      identity,
      alpn: { ALPNProtocols: ['http/1.1'] },
      onTls: (socket) => overTls.emit('connection', socket),
      onPlain: (socket) => http.emit('connection', socket),
    });
  }

  get server(): Server {
    return this.#port.server;
  }

  setIdentity(identity: Identity): void {
    this.#port.setIdentity(identity);
  }

  /** Stops accepting, lets answers under way end for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void> {
    return this.#port.close(async () => {
      if (this.#answering > 0) await this.#quiet(graceMs);
    });
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
