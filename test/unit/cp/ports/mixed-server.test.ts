import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { MixedServer } from '../../../../src/cp/ports/mixed-server.ts';
import { dial, makeIdentity, open, talk } from './support.ts';

const GET = 'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';

let workDir: string;
let identity: Awaited<ReturnType<typeof makeIdentity>>;
let server: MixedServer;
let port: number;
/** Answers that a test gives when it wants to. */
let held: ServerResponse[];

beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'mixed-'));
  identity = await makeIdentity(workDir);
});

afterAll(() => rm(workDir, { recursive: true }));

beforeEach(async () => {
  held = [];
  server = new MixedServer({
    identity,
    overTls: createServer((request, response) => {
      if (request.url === '/slow') held.push(response);
      else response.end('over TLS');
    }),
    plain: (_request, response) => response.end('plain'),
  });
  port = await open(server.server);
});

afterEach(() => server.close(0));

test('one port answers HTTP over TLS and in clear', async () => {
  expect(await talk(port, GET)).toMatch(/\r\n\r\nplain$/);
  expect(await talk(port, GET, ['http/1.1'])).toMatch(/\r\n\r\nover TLS$/);
});

test('a stop lets an answer under way end and cuts connections that only wait', async () => {
  const answer = talk(port, GET.replace('GET / ', 'GET /slow '), ['http/1.1']);
  await expect.poll(() => held.length).toBe(1);
  const idle = dial(port).on('error', () => {});
  await once(idle, 'connect');
  const closed = server.close(10_000);
  held[0]?.end('in the end');
  expect(await answer).toMatch(/in the end$/);
  await closed;
  await expect.poll(() => idle.destroyed || idle.readableEnded || idle.closed).toBe(true);
});

test('a stop does not wait longer than its grace', async () => {
  const answer = talk(port, GET.replace('GET / ', 'GET /slow '), ['http/1.1']);
  await expect.poll(() => held.length).toBe(1);
  await server.close(50);
  expect(await answer).toBe('');
});

test('without anything under way a stop takes no time', async () => {
  await once(
    dial(port).on('error', () => {}),
    'connect',
  );
  const start = performance.now();
  await server.close(10_000);
  expect(performance.now() - start).toBeLessThan(9_000);
});
