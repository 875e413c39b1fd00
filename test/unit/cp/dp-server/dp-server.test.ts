import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls, { type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { DpServer } from '../../../../src/cp/dp-server/dp-server.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { dial, makeIdentity, open, talk } from '../ports/support.ts';

let workDir: string;
let identity: Awaited<ReturnType<typeof makeIdentity>>;
let server: DpServer;
let port: number;
let grpc: TLSSocket[];

beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'dp-server-'));
  identity = await makeIdentity(workDir);
});

afterAll(() => rm(workDir, { recursive: true }));

beforeEach(async () => {
  grpc = [];
  server = new DpServer({
    identity,
    onGrpc: (socket) => void grpc.push(socket),
    onRequest: (_request, response) => response.end('bootstrap'),
    logger: silentLogger,
  });
  port = await open(server.server);
});

afterEach(() => server.close(async () => {}));

const GET = 'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';

test('who offers HTTP/1 speaks it, whatever else it offers', async () => {
  expect(await talk(port, GET, ['http/1.1'])).toMatch(/bootstrap$/);
  expect(await talk(port, GET, ['h2', 'http/1.1'])).toMatch(/bootstrap$/);
  expect(await talk(port, GET, [])).toMatch(/bootstrap$/);
  expect(grpc).toEqual([]);
});

test('who offers HTTP/2 only is handed over with its first bytes unread', async () => {
  const client = dial(port, ['h2']);
  client.write('PRI * HTTP/2.0');
  await expect.poll(() => grpc.length).toBe(1);
  const [chunk] = (await once(grpc[0] as TLSSocket, 'data')) as [Buffer];
  expect(chunk.toString()).toBe('PRI * HTTP/2.0');
  client.destroy();
});

test('who offers neither is refused in the handshake', async () => {
  expect(await talk(port, 'hello', ['spdy/1'])).toBe('');
  expect(grpc).toEqual([]);
});

test('plain HTTP is told that this is an HTTPS port', async () => {
  expect(await talk(port, GET)).toMatch(
    /^HTTP\/1\.0 400 [\s\S]*Client sent an HTTP request to an HTTPS server\.\n$/,
  );
});

test('a new certificate is shown to new connections', async () => {
  const other = await mkdtemp(join(tmpdir(), 'dp-server-'));
  const next = await makeIdentity(other);
  server.setIdentity(next);
  const client = tls.connect({ port, host: '127.0.0.1', ca: next.caPem, servername: 'localhost' });
  await once(client, 'secureConnect');
  expect(client.authorized).toBe(true);
  client.destroy();
  await rm(other, { recursive: true });
});

test('last words said at a stop reach the peer', async () => {
  const client = dial(port, ['h2']);
  client.write('x');
  await expect.poll(() => grpc.length).toBe(1);
  let heard = '';
  client.on('error', () => {});
  client.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
  });
  await server.close(async () => {
    grpc[0]?.end('goodbye');
  });
  await expect.poll(() => heard).toBe('goodbye');
});

test('who does not hang up at a stop is cut', async () => {
  const clients = [dial(port), dial(port, ['h2'])];
  for (const client of clients) client.on('error', () => {});
  await expect.poll(() => grpc.length).toBe(1);
  const closed = Promise.all(clients.map((client) => once(client, 'close')));
  for (const client of clients) client.resume();
  await server.close(async () => {});
  await closed;
});
