import { connect, createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** What travellers meet on the way to a server. */
export type Trouble =
  | { readonly kind: 'none' }
  /** Connections are refused. */
  | { readonly kind: 'dead' }
  /** Connections are taken, and nothing is ever said. */
  | { readonly kind: 'silent' }
  /** Connections end after so long. */
  | { readonly kind: 'short'; readonly afterMs: number }
  /** These bytes come instead of an answer, again and again. */
  | { readonly kind: 'garbage'; readonly bytes: Buffer }
  /** The server's answers end somewhere, each connection's later than the one's before it, and then begin anew. */
  | { readonly kind: 'half'; readonly stepBytes: number; readonly maxBytes: number }
  /** Somebody else's TLS server. */
  | { readonly kind: 'stranger'; readonly key: string; readonly cert: string };

/** A port that leads to another one of loopback, in the state it is told to be in. */
export interface BadRoad {
  readonly port: number;
  /** Connections that were taken since the last change. */
  readonly connections: number;
  /** Breaks all connections; later ones meet this. */
  become(trouble: Trouble): Promise<void>;
  close(): void;
}

export async function openRoad(port: number, target: number): Promise<BadRoad> {
  const sockets = new Set<Socket>();
  let trouble: Trouble = { kind: 'none' };
  let connections = 0;
  let server: Server | undefined;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const forward = (socket: Socket, onAnswer: (chunk: Buffer) => void) => {
    const onward = keep(connect(target, '127.0.0.1'));
    socket.pipe(onward);
    onward.on('data', onAnswer).on('close', () => socket.destroy());
    socket.on('close', () => onward.destroy());
  };
  const meet = (socket: Socket) => {
    keep(socket);
    connections++;
    switch (trouble.kind) {
      case 'none':
        return forward(socket, (chunk) => void socket.write(chunk));
      case 'dead':
        return void socket.destroy();
      case 'silent':
        return void socket.resume();
      case 'short':
        return void setTimeout(() => socket.destroy(), trouble.afterMs);
      case 'garbage': {
        const { bytes } = trouble;
        const timer = setInterval(() => socket.write(bytes), 10);
        return void socket.resume().on('close', () => clearInterval(timer));
      }
      case 'half': {
        let left = (connections * trouble.stepBytes) % trouble.maxBytes;
        return forward(socket, (chunk) => {
          socket.write(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) socket.destroySoon();
        });
      }
      case 'stranger':
        new TLSSocket(socket, { isServer: true, ...trouble }).on('error', () => {}).resume();
    }
  };
  const listen = () =>
    new Promise<void>((resolve) => {
      server = createServer(meet).listen(port, '127.0.0.1', resolve);
    });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  await listen();
  return {
    port,
    get connections() {
      return connections;
    },
    async become(next) {
      trouble = next;
      connections = 0;
      cut();
      if (next.kind === 'dead') {
        server?.close();
        server = undefined;
      } else if (server === undefined) await listen();
    },
    close() {
      server?.close();
      cut();
    },
  };
}
