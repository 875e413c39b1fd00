import { request } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeHttpServer, createHttpServer } from '../../../src/cp/api/http-server.ts';
import { generateKeyPem } from '../../../src/crypto/keys.ts';
import { createCaCertificate, issueServerCertificate } from '../../../src/crypto/x509.ts';
import { type ApiUnderTest, startApi } from './harness.ts';

// As on the port that TLS and plain HTTP share: the server never listens itself, sockets are handed to it.
let api: ApiUnderTest;
let door: Server;
/** Waits for headers only briefly. */
let hastyDoor: Server;
let caPem: string;
const LIMITS = { headersMs: 400, requestMs: 120_000, silenceMs: 120_000, keepAliveMs: 120_000 };

beforeAll(async () => {
  api = await startApi();
  const validity = { nowMs: Date.now(), lifetimeMs: 3_600_000 };
  const caKey = generateKeyPem();
  caPem = await createCaCertificate({ ...validity, commonName: 'test', keyPem: caKey });
  const keyPem = generateKeyPem();
  const ca = { certPem: caPem, keyPem: caKey };
  const names = { dnsNames: ['localhost'], addresses: ['127.0.0.1'] };
  const certPem = await issueServerCertificate({ ...validity, ...names, ca, commonName: 'cp', keyPem });
  door = await openDoor({ cert: certPem, key: keyPem });
  hastyDoor = await openDoor({ cert: certPem, key: keyPem }, LIMITS);
});

async function openDoor(certificate: { cert: string; key: string }, limits?: typeof LIMITS): Promise<Server> {
  const http = createHttpServer(api.handle, limits);
  const tls = createTlsServer(certificate, (socket) => http.emit('connection', socket));
  const opened = createServer((socket) => {
    socket.once('data', (chunk: Buffer) => {
      socket.pause();
      socket.unshift(chunk);
      (chunk[0] === 0x16 ? tls : http).emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
  });
  opened.on('close', () => void closeHttpServer(http, 0));
  await new Promise<void>((resolve) => opened.listen(0, '127.0.0.1', resolve));
  return opened;
}

afterAll(async () => {
  for (const one of [door, hastyDoor]) await new Promise<void>((resolve) => one.close(() => resolve()));
  await api[Symbol.asyncDispose]();
});

const port = (of = door) => (of.address() as AddressInfo).port;

function call(
  method: string,
  path: string,
  headers: Record<string, string>,
  body = '',
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: port(),
      method,
      path,
      headers,
      ca: caPem,
      agent: false as const,
    };
    const sent = request(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

test('over TLS a local caller may write, and a page of the same https origin too', async () => {
  const origin = `https://127.0.0.1:${port()}`;
  const mesh = (name: string) => JSON.stringify({ type: 'Mesh', name });
  expect((await call('PUT', '/meshes/a', {}, mesh('a'))).status).toBe(201);
  expect((await call('PUT', '/meshes/b', { origin }, mesh('b'))).status).toBe(201);
  expect(
    (await call('PUT', '/meshes/c', { origin: origin.replace('https', 'http') }, mesh('c'))).status,
  ).toBe(403);
});

test('over TLS the next page is an https URL', async () => {
  const { text } = await call('GET', '/meshes?size=1', {});
  expect(JSON.parse(text)).toMatchObject({
    next: expect.stringContaining(`https://127.0.0.1:${port()}/meshes?`),
  });
});

test.each(['plain', 'TLS'])(
  'a half-open %s connection that was handed over is ended as well',
  async (kind) => {
    const socket =
      kind === 'TLS'
        ? connectTls({ host: '127.0.0.1', port: port(hastyDoor), ca: caPem })
        : connect(port(hastyDoor), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: loc');
    await new Promise<void>((resolve) => socket.on('close', () => resolve()));
    expect(text).toMatch(/^HTTP\/1.1 408 /);
  },
);
