import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createFirstByteServer } from '../../../../src/cp/ports/first-byte.ts';
import { dial, open, talk } from './support.ts';

let server: Server;

afterEach(() => {
  server.close();
});

function echoing(limits?: Parameters<typeof createFirstByteServer>[1]) {
  const answer = (what: string) => (socket: Socket) => {
    socket.once('data', (chunk: Buffer) => socket.end(`${what} ${chunk.toString('latin1')}`));
  };
  server = createFirstByteServer({ onTls: answer('tls'), onPlain: answer('plain') }, limits);
  return open(server);
}

test('a connection goes where its first byte belongs, and no byte is lost', async () => {
  const port = await echoing();
  expect(await talk(port, 'GET /')).toBe('plain GET /');
  expect(await talk(port, '\x16rest')).toBe('tls \x16rest');
  expect(await talk(port, '\x15rest')).toBe('plain \x15rest');
});

test('who says nothing is cut, and who said something is not', async () => {
  const port = await echoing({ firstByteMs: 50 });
  expect(await talk(port, '')).toBe('');
  server.close();
  const heard = Promise.withResolvers<void>();
  const onPlain = (socket: Socket) => {
    socket.resume();
    heard.resolve();
  };
  server = createFirstByteServer({ onTls: () => {}, onPlain }, { firstByteMs: 500 });
  const socket = dial(await open(server));
  socket.write('x');
  await heard.promise;
  const silent = dial((server.address() as { port: number }).port);
  await once(silent, 'close');
  expect(socket.destroyed).toBe(false);
  socket.destroy();
});

test('beyond the largest number of connections further ones are cut', async () => {
  const port = await echoing({ maxConnections: 2 });
  const open = [dial(port), dial(port)];
  await Promise.all(open.map((socket) => once(socket, 'connect')));
  expect(await talk(port, 'GET /')).toBe('');
  for (const socket of open) socket.destroy();
});
