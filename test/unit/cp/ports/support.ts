import { once } from 'node:events';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Identity } from '../../../../src/cp/ports/tls-port.ts';
import { ensureServerIdentity } from '../../../../src/cp/tls/server-identity.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';

/** A certificate for localhost of a CA of its own, both in `workDir`. */
export async function makeIdentity(workDir: string): Promise<Identity & { readonly caPem: string }> {
  return ensureServerIdentity({
    workDir,
    names: ['localhost'],
    addresses: ['127.0.0.1'],
    clock: systemClock,
    logger: silentLogger,
  });
}

/** Opens a server on a free port of the loopback. */
export async function open(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Sends a text; resolves to what came back once the other side has ended the connection. */
export function talk(port: number, text: string, alpn?: readonly string[]): Promise<string> {
  return listenTo(dial(port, alpn), text);
}

export function dial(port: number, alpn?: readonly string[]): Socket {
  if (alpn === undefined) return connect(port, '127.0.0.1');
  return tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: [...alpn] });
}

function listenTo(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    if (text !== '') socket.write(text);
  });
}
