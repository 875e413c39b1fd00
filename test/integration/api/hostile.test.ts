import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiUnderTest, type HarnessOptions, startApi } from './harness.ts';

const MESH = '{"type":"Mesh","name":"evil"}';
/** Headers are to be waited for briefly, everything else for longer than a test lasts. */
const LIMITS = { headersMs: 400, requestMs: 120_000, silenceMs: 120_000, keepAliveMs: 120_000 };

/** Afterwards the server serves others as before, and nothing was written. */
async function expectUnharmed(api: ApiUnderTest): Promise<void> {
  expect((await api.get('/meshes/default')).status).toBe(200);
  expect((await api.get('/meshes')).json.total).toBe(1);
}

describe('callers that may not', () => {
  test.each([
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a form of another origin', { origin: 'https://evil.example', 'content-type': 'text/plain' }],
    [
      'a page on another port of this machine',
      { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' },
    ],
    ['a sandboxed page', { origin: 'null' }],
    ['a rebound name', { host: 'evil.example' }],
    [
      'a rebound name with its own origin',
      { host: 'evil.example', origin: 'http://evil.example', 'sec-fetch-site': 'same-origin' },
    ],
    ['one of many hosts', { host: 'localhost, evil.example' }],
    ['an address of this machine that is not loopback', { host: '192.168.0.5:5681' }],
    ['a reverse proxy with X-Forwarded-For', { 'x-forwarded-for': '10.0.0.9' }],
    ['a reverse proxy with Forwarded', { forwarded: 'for=10.0.0.9' }],
    ['a reverse proxy with X-Real-IP', { 'x-real-ip': '127.0.0.1' }],
    ['a reverse proxy with X-Forwarded-Host', { 'x-forwarded-host': 'localhost' }],
  ])('write as %s get 403 and nothing is changed', async (_who, headers) => {
    await using api = await startApi();
    const {
      status,
      json,
      headers: answered,
    } = await api.send({ method: 'PUT', path: '/meshes/evil', headers, body: MESH });
    expect({ status, json }).toMatchObject({
      status: 403,
      json: {
        type: '/std-errors',
        title: 'Access Denied',
        detail: expect.stringContaining(
          'user "mesh-system:anonymous/mesh-system:unauthenticated" cannot access',
        ),
      },
    });
    expect(Object.keys(answered).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(api.log).toMatchObject([
      { level: 'warn', message: 'request refused', facts: { user: 'mesh-system:anonymous' } },
    ]);
    await expectUnharmed(api);
  });

  test.each([
    { host: 'evil.example' },
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
  ])('read as a page get 403: %j', async (headers) => {
    await using api = await startApi();
    expect((await api.get('/meshes', headers)).status).toBe(403);
    expect((await api.get('/nonsense', headers)).status).toBe(403);
  });

  test('a preflight gets no permission', async () => {
    await using api = await startApi();
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'PUT' };
    const reply = await api.send({ method: 'OPTIONS', path: '/meshes/evil', headers });
    expect(reply.status).toBe(403);
    expect(reply.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('a configured name is one to read by', async () => {
    await using api = await startApi({ access: { hostNames: ['cp.example'] } });
    expect((await api.get('/meshes', { host: 'CP.example:5681' })).status).toBe(200);
    expect(
      (await api.send({ method: 'PUT', path: '/meshes/evil', headers: { host: 'cp.example' }, body: MESH }))
        .status,
    ).toBe(403);
  });

  test('everybody gets 405 for a change while the control plane is read-only', async () => {
    await using api = await startApi({ access: { readOnly: true } });
    expect(await api.put('/meshes/evil', MESH)).toMatchObject({
      status: 405,
      json: { type: '/std-errors', status: 405 },
    });
    expect((await api.del('/meshes/default')).status).toBe(405);
    expect((await api.get('/_resources')).text).not.toContain('"readOnly": false');
    await expectUnharmed(api);
  });
});

describe('bytes that are no request', () => {
  let api: ApiUnderTest;
  let impatient: ApiUnderTest;
  beforeAll(async () => {
    api = await startApi();
    impatient = await startApi({ limits: LIMITS });
  });
  afterAll(() => Promise.all([api, impatient].map((one) => one[Symbol.asyncDispose]())));

  test.each([
    ['noise', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256)), 400],
    ['a TLS hello', Buffer.from('16030100a5010000a10303', 'hex'), 400],
    ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    [
      'two lengths',
      'PUT /meshes/evil HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
      400,
    ],
    [
      'length and chunks',
      'PUT /meshes/evil HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a broken chunk',
      'PUT /meshes/evil HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['no host', 'GET /meshes HTTP/1.1\r\nConnection: close\r\n\r\n', 403],
    [
      'two hosts',
      'GET /meshes HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
      403,
    ],
  ])('are answered with a problem, or cut: %s', async (_what, bytes, status) => {
    const text = await api.raw(bytes);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toContain('"type": "/std-errors"');
    await expectUnharmed(api);
  });

  test('a header of 10 MB is refused after its first kilobytes', async () => {
    const text = await api.raw(
      `GET /meshes HTTP/1.1\r\nHost: localhost\r\nX-Big: ${'x'.repeat(10 * 1024 * 1024)}\r\n\r\n`,
    );
    // The server stops reading; whether its answer gets through before the reset is up to the network.
    if (text !== '') expect(text).toMatch(/^HTTP\/1.1 431 /);
    await expectUnharmed(api);
  });

  test('a URL of 10 MB is refused the same way', async () => {
    const text = await api.raw(`GET /${'x'.repeat(10 * 1024 * 1024)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    if (text !== '') expect(text).toMatch(/^HTTP\/1.1 431 /);
    await expectUnharmed(api);
  });

  test.each([
    ['says nothing', ''],
    ['stops in its headers', 'GET /meshes HTTP/1.1\r\nHost: loc'],
    ['stops in its headers after an answer', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT'],
  ])('a connection that %s is told so and ended', async (_what, bytes) => {
    expect(await impatient.raw(bytes)).toMatch(/HTTP\/1.1 408 /);
    await expectUnharmed(impatient);
  });

  test('a connection that stops in its body is told so and ended', async () => {
    await using brief = await startApi({ limits: { headersMs: 400, requestMs: 400 } });
    const text = await brief.raw(
      'PUT /meshes/evil HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"type"',
    );
    expect(text).toMatch(/^HTTP\/1.1 408 /);
    await expectUnharmed(brief);
  });

  test('a connection that drips its headers byte by byte is ended all the same', async () => {
    const socket = connect(impatient.port, '127.0.0.1');
    const drip = setInterval(() => socket.write('x'), 50);
    socket.write('GET /meshes HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    socket.resume();
    await new Promise<void>((resolve) => {
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
    });
    clearInterval(drip);
    await expectUnharmed(impatient);
  });

  test('a client that goes away in the middle of its body leaves nothing behind', async () => {
    const socket = connect(api.port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    socket.write('PUT /meshes/evil HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"type"');
    socket.destroy();
    await expectUnharmed(api);
  });
});

describe('bodies', () => {
  test.each([
    ['declared', { 'content-length': String(2 * 1024 * 1024) }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('that are too large, %s, get 413', async (_how, headers) => {
    await using api = await startApi();
    const body = Buffer.alloc(2 * 1024 * 1024, 0x20);
    const reply = await api
      .send({ method: 'PUT', path: '/meshes/evil', headers, body })
      .catch(() => undefined);
    if (reply !== undefined)
      expect(reply).toMatchObject({ status: 413, json: { type: '/std-errors', status: 413 } });
    await expectUnharmed(api);
  });

  test.each([
    ['nothing', ''],
    ['half of it', '{"type":'],
    ['YAML', 'type: Mesh\nname: evil\n'],
    ['a list', '[]'],
    ['a number', '7'],
    ['null', 'null'],
  ])('that are %s are 400 "Bad Request"', async (_what, body) => {
    await using api = await startApi();
    expect(await api.put('/meshes/evil', body)).toMatchObject({
      status: 400,
      json: { type: '/std-errors', title: 'Bad Request' },
    });
    await expectUnharmed(api);
  });

  test.each([
    [
      'nested a hundred thousand deep',
      `{"type":"Mesh","name":"evil","logging":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    ],
    ['made to change prototypes', '{"type":"Mesh","name":"evil","labels":{"__proto__":{"polluted":"yes"}}}'],
    ['with a name from a prototype', '{"type":"constructor","name":"evil"}'],
  ])('%s are refused and do no harm', async (_what, body) => {
    await using api = await startApi();
    expect((await api.put('/meshes/evil', body)).status).toBe(400);
    expect(Object.prototype).not.toHaveProperty('polluted');
    await expectUnharmed(api);
  });

  test('with a content type that is none get an answer', async () => {
    await using api = await startApi();
    const { status, json } = await api.put('/meshes/evil', MESH, { 'content-type': '\u00e4/;;=' });
    expect([400, 415]).toContain(status);
    expect(json.type).toBe('/std-errors');
  });
});

describe('many connections', () => {
  const openAll = (port: number, count: number) =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        // From the beginning: it may be cut before the last one is open.
        const cut = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)));
        await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
        return { socket, cut };
      }),
    );

  async function remaining(options: HarnessOptions): Promise<number> {
    await using api = await startApi(options);
    const sockets = await openAll(api.port, 10);
    const closed = Promise.all(
      sockets.map(({ socket, cut }) => {
        const answered = new Promise<boolean>((resolve) => socket.once('data', () => resolve(false)));
        socket.resume();
        socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
        return Promise.race([answered, cut]);
      }),
    );
    const alive = (await closed).filter((isClosed) => !isClosed).length;
    for (const { socket } of sockets) socket.destroy();
    return alive;
  }

  test('of one client are cut beyond its share', async () => {
    expect(await remaining({ limits: { maxConnectionsPerPeer: 4 } })).toBe(4);
  });

  test('of all clients are cut beyond what the server takes', async () => {
    expect(await remaining({ limits: { maxConnections: 6 } })).toBe(6);
  });

  test('that were closed make room for others', async () => {
    await using api = await startApi({ limits: { maxConnectionsPerPeer: 2 } });
    for (let i = 0; i < 6; i++) expect((await api.get('/')).status).toBe(200);
  });
});
