import type { Server, Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import { createFirstByteServer } from './first-byte.ts';

/** Certificate and key in PEM. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface TlsPortOptions {
  readonly identity: Identity;
  /** Which protocols TLS offers, or how it chooses one. */
  readonly alpn: Pick<TlsOptions, 'ALPNProtocols' | 'ALPNCallback'>;
  /** Takes over a connection that is past its handshake. */
  readonly onTls: (socket: TLSSocket) => void;
  /** Takes over a connection that did not begin with a handshake; what it sent is still to be read. */
  readonly onPlain: (socket: Socket) => void;
  readonly onFailedHandshake?: (error: Error, socket: TLSSocket) => void;
}

/** One listening socket that tells TLS from plain text, with a certificate that can be changed, and all its connections. */
export class TlsPort {
  readonly #net: Server;
  readonly #tls: TlsServer;
  readonly #sockets = new Set<Socket>();

  constructor({ identity, alpn, onTls, onPlain, onFailedHandshake }: TlsPortOptions) {
    this.#tls = createTlsServer({ ...toContext(identity), ...alpn, handshakeTimeout: 10_000 }, (socket) => {
      socket.on('error', () => socket.destroy());
      onTls(socket);
    });
    this.#tls.on('tlsClientError', (error, socket) => {
      onFailedHandshake?.(error, socket);
      socket.destroy();
    });
    this.#net = createFirstByteServer({ onTls: (socket) => this.#tls.emit('connection', socket), onPlain });
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
  setIdentity(identity: Identity): void {
    this.#tls.setSecureContext(toContext(identity));
  }

  /** Stops listening, waits for `goodbye` and cuts what is left then. `goodbye` is given the end of the last connection. */
  async close(goodbye: (allGone: Promise<void>) => Promise<void>): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#net.close(() => resolve()));
    await goodbye(closed);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function toContext({ certPem, keyPem }: Identity) {
  return { cert: certPem, key: keyPem, minVersion: 'TLSv1.2' } as const;
}
