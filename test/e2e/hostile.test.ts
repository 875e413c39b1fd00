import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER } from '../../src/envoy/type-urls.ts';
import { type AdsChannel, openAdsChannel } from '../support/ads-channel.ts';
import { type ClientNode, encodeDeltaRequest, encodeSotwRequest } from '../support/ads-wire.ts';
import { waitUntil } from '../support/wait-until.ts';
import { PORTS, startTarget, type Target } from './support/hostile-control-plane.ts';
import { attack, openIdle } from './support/hostile-socket.ts';

const MB = 1024 * 1024;
/** What takes a parser minutes, or waits for connections that stay, takes longer on any machine. */
const QUICK_MS = 15_000;

let target: Target;
/** Set by the last test. */
let stopped = false;

beforeAll(async () => {
  target = await startTarget();
});

afterAll(() => target.close());

afterEach(async () => {
  if (!stopped) await target.stillServes();
});

/** All that is stored, as its readers see it, but for the proxy that `stillServes` changes. */
async function everything(): Promise<string> {
  const pages = ['meshes', 'dataplanes?name=x', 'traffic-routes'].map(async (path) => {
    const answer = await fetch(`http://127.0.0.1:${PORTS.rest}/${path}`);
    return answer.text();
  });
  return (await Promise.all(pages)).join('\n');
}

const dataplane = (networking: string) =>
  `type: Dataplane\nmesh: default\nname: x\nnetworking: ${networking}`;
const inbound = (fields: string) =>
  dataplane(`{address: 127.0.0.1, inbound: [{${fields}, servicePort: 8080}]}`);

describe('a document that is wrong is refused with what is wrong in it, and nothing is changed:', () => {
  test.each([
    ['broken YAML', 'type: Mesh\nname: [x', /stdin:\d/],
    ['a list', '- type: Mesh\n  name: x', /mapping|object/i],
    ['no type', 'name: x', /type/],
    ['an unknown type', 'type: Mash\nname: x', /Mash/],
    ['no name', 'type: Mesh', /name/],
    ['a name that is none', 'type: Mesh\nname: Not_A_Name', /name/],
    ['a wrong type of a field', dataplane('yes'), /networking/],
    [
      'a wrong type deep inside',
      inbound('port: eighty, tags: {kuma.io/service: x}'),
      /networking\.inbound\[0\]\.port/,
    ],
    [
      'port 0',
      inbound('port: 0, tags: {kuma.io/service: x}'),
      /networking\.inbound\[0\]\.port.*\[1, 65535\]/,
    ],
    [
      'port 70000',
      inbound('port: 70000, tags: {kuma.io/service: x}'),
      /networking\.inbound\[0\]\.port.*\[1, 65535\]/,
    ],
    [
      'no service tag',
      inbound('port: 80, tags: {version: v1}'),
      /networking\.inbound\[0\]\.tags\["kuma\.io\/service"\]/,
    ],
    ['an address that is none', dataplane('{address: "not an address"}'), /networking\.address/],
    [
      'a mesh that does not exist',
      inbound('port: 80, tags: {kuma.io/service: x}').replace('default', 'nope'),
      /nope|Mesh/,
    ],
    [
      'two dialects in one',
      inbound('port: 80, interface: "127.0.0.1:81:82", tags: {kuma.io/service: x}'),
      /networking\.inbound\[0\]/,
    ],
    [
      'mTLS, which is not there yet',
      'type: Mesh\nname: x\nmtls: {enabledBackend: b, backends: [{name: b, type: builtin}]}',
      /mtls/,
    ],
  ])('%s', async (_what, yaml, says) => {
    const before = await everything();
    const { code, stdout, stderr } = await target.mesh.shell.run(
      `kumactl apply -f - <<'DOCUMENT'\n${yaml}\nDOCUMENT`,
    );
    expect(code).not.toBe(0);
    expect(stderr + stdout).toMatch(says);
    expect(stderr + stdout).not.toMatch(/\n\s+at /);
    expect(await everything()).toBe(before);
  });
});

describe('a request that is wrong is refused in JSON, and nothing is changed:', () => {
  const url = `http://127.0.0.1:${PORTS.rest}/meshes/x`;
  const mesh = JSON.stringify({ type: 'Mesh', name: 'x' });
  test.each([
    ['a body of 10 MB', 413, { body: `{"type":"Mesh","name":"x","labels":{"a":"${'x'.repeat(10 * MB)}"}}` }],
    ['a body that says another name', 400, { body: JSON.stringify({ type: 'Mesh', name: 'y' }) }],
    [
      'a body that says another type',
      400,
      { body: JSON.stringify({ type: 'Dataplane', mesh: 'x', name: 'x' }) },
    ],
    ['a body that is no JSON', 400, { body: 'type: Mesh' }],
    ['a page of another origin', 403, { body: mesh, headers: { origin: 'http://evil.example' } }],
    ['a page of another site', 403, { body: mesh, headers: { 'sec-fetch-site': 'cross-site' } }],
    ['a name that was rebound', 403, { body: mesh, headers: { host: 'evil.example' } }],
    [
      'a caller behind a proxy of this machine',
      403,
      { body: mesh, headers: { 'x-forwarded-for': '10.0.0.1' } },
    ],
  ] as [string, number, { body: string; headers?: Record<string, string> }][])(
    '%s',
    async (_what, status, { body, headers = {} }) => {
      const before = await everything();
      const { answer } = await attack({
        port: PORTS.rest,
        send: [
          `PUT ${new URL(url).pathname} HTTP/1.1\r\n`,
          ...Object.entries({ host: '127.0.0.1', ...headers }).map(([k, v]) => `${k}: ${v}\r\n`),
          `connection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`,
          body,
        ],
      });
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
        type: '/std-errors',
        status,
      });
      expect(await everything()).toBe(before);
    },
  );
});

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const everyPort = Object.entries(PORTS).map(([name, port]) => ({ name, port }));

describe.each(everyPort)('garbage on the $name port', ({ port }) => {
  test.each([
    ['random bytes', [randomBytes(4096)]],
    ['bytes that begin as TLS does', [Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]), randomBytes(512)]],
    ['a TLS record of a wrong length', [Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff]), randomBytes(70_000)]],
    ['the preface of HTTP/2 in clear', [PREFACE, randomBytes(512)]],
    ['a header of 10 MB', ['GET / HTTP/1.1\r\nx: ', 'x'.repeat(10 * MB)]],
    ['ten thousand headers', ['GET / HTTP/1.1\r\n', 'a: b\r\n'.repeat(10_000), '\r\n']],
    ['a request line without end', ['G'.repeat(MB)]],
    [
      'a smuggled second request',
      [
        'POST /bootstrap HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /',
      ],
    ],
    ['zeros', [Buffer.alloc(65_536)]],
    ['nothing but the end', []],
  ] as [string, (string | Uint8Array)[]][])('%s', async (_what, send) => {
    const { answer } = await attack({ port, send, end: true });
    expect(answer).not.toMatch(/HTTP\/1\.\d 2\d\d/);
  });
});

describe('TLS with something else inside', () => {
  test('HTTP/1 without ALPN is answered on the xDS port', async () => {
    const { answer } = await attack({
      port: PORTS.xds,
      alpn: [],
      send: ['GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'],
    });
    expect(answer).toMatch(/^HTTP\/1\.1 404 [\s\S]*404 page not found\n$/);
  });

  test.each([
    ['HTTP/1 where HTTP/2 was agreed', ['h2'], 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    ['garbage where HTTP/2 was agreed', ['h2'], randomBytes(4096)],
    ['HTTP/2 with garbage for frames', ['h2'], Buffer.concat([Buffer.from(PREFACE), randomBytes(4096)])],
    ['HTTP/2 where HTTP/1 was agreed', ['http/1.1'], PREFACE],
    ['a protocol nobody speaks', ['spdy/1'], 'hello'],
  ] as [string, string[], string | Uint8Array][])('%s is ended', async (_what, alpn, bytes) => {
    for (const port of [PORTS.xds, PORTS.mixed]) {
      const { answer } = await attack({ port, alpn, send: [bytes], end: true });
      expect(answer).not.toMatch(/HTTP\/1\.\d 2\d\d/);
    }
  });
});

describe('connections that want to stay', () => {
  test('half-open ones are ended by every port within its time', async () => {
    const all = everyPort.map(({ port }) => attack({ port, send: ['GET / HT'] }));
    const tls = [PORTS.xds, PORTS.mixed].map((port) => attack({ port, send: [Buffer.from([0x16, 0x03])] }));
    const silent = everyPort.map(({ port }) => attack({ port }));
    const dripping = everyPort.map(({ port }) =>
      attack({
        port,
        send: ['GET / HTTP/1.1\r\n'],
        drip: { bytes: 'a: b\r\n', everyMs: 200 },
      }),
    );
    await Promise.all([...all, ...tls, ...silent, ...dripping]);
  });

  test('thousands of idle ones on every port keep nobody out for long', async () => {
    const closers = await Promise.all(everyPort.map(({ port }) => openIdle(port, 2_000)));
    await target.stillServes();
    for (const close of closers) close();
  });
});

/** A stream to the xDS port; `ended` has the status. */
function openStream(mode: 'sotw' | 'delta' = 'delta', headers?: Record<string, string>): AdsChannel {
  const options = { target: { port: PORTS.xds, ca: target.ca }, mode, onMessage() {} } as const;
  return openAdsChannel(headers === undefined ? options : { ...options, headers });
}

async function hello(node: ClientNode, mode: 'sotw' | 'delta' = 'delta') {
  const channel = openStream(mode);
  const request = { node, typeUrl: CLUSTER };
  channel.send(mode === 'delta' ? encodeDeltaRequest(request) : encodeSotwRequest(request));
  const end = await channel.ended;
  channel.destroy();
  return end;
}

/** How gRPC numbers them. */
const STATUS = { UNKNOWN: 2, INVALID_ARGUMENT: 3, RESOURCE_EXHAUSTED: 8, UNIMPLEMENTED: 12 };

describe('a hostile stream is ended with a reason', () => {
  test.each([
    ['a request that is none', randomBytes(100), STATUS.INVALID_ARGUMENT, /malformed/],
    ['an empty request', Buffer.alloc(0), STATUS.INVALID_ARGUMENT, /node/],
    ['a request without a node', encodeDeltaRequest({ typeUrl: CLUSTER }), STATUS.INVALID_ARGUMENT, /node/],
    ['a node nested without end', deepNode(), STATUS.INVALID_ARGUMENT, /malformed/],
  ] as [string, Buffer, number, RegExp][])('%s', async (_what, bytes, code, says) => {
    const channel = openStream();
    channel.send(bytes);
    expect(await channel.ended).toEqual({ code, message: expect.stringMatching(says) });
  });

  test('a message of 100 MB, of which no more than a part is read', async () => {
    const channel = openStream();
    channel.send(Buffer.alloc(100 * MB));
    // Whoever is still sending when the stream is cut may not get to read why.
    expect([STATUS.RESOURCE_EXHAUSTED, -1]).toContain((await channel.ended).code);
  });

  test('a message that claims to be large and never comes', async () => {
    const channel = openStream();
    channel.sendRaw(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]));
    expect((await channel.ended).code).toBe(STATUS.RESOURCE_EXHAUSTED);
  });

  test('a service nobody has', async () => {
    const channel = openStream('delta', { ':path': '/envoy.service.nothing.v3.Nothing/Stream' });
    expect((await channel.ended).code).toBe(STATUS.UNIMPLEMENTED);
  });

  test.each([
    ['nonsense', 'nonsense'],
    ['.x', '.x'],
    ['x.', 'x.'],
    ['default.', 'default.'],
    ['of a space', ' '],
    ['of two lines', 'default.\nINFO all is well'],
    ['of 100,000 letters', 'x'.repeat(100_000)],
  ])('the node id %s', async (_what, id) => {
    const log = target.followLog();
    const { code, message } = await hello({ id });
    expect([STATUS.UNKNOWN, STATUS.INVALID_ARGUMENT]).toContain(code);
    expect(message.length).toBeLessThan(10_000);
    await waitUntil(() => /WARN .*refused.*\n/.test(log()), { describe: log });
  });

  test('a proxy that has no Dataplane, once in the log however often it comes', async () => {
    const log = target.followLog();
    for (let i = 0; i < 5; i++)
      expect((await hello({ id: 'default.unknown' })).message).toContain('not found');
    expect(log().match(/default\.unknown/g)?.length).toBeLessThanOrEqual(3);
  });

  const bringing = (resource: unknown) => ({
    id: 'default.bad',
    metadata: { 'dataplane.resource': resource },
  });
  const document = { type: 'Dataplane', mesh: 'default', name: 'bad', networking: { address: '127.0.0.1' } };
  test.each([
    ['that is no YAML', '{', /neither JSON nor YAML/],
    ['that is no document', '[]', /not a mapping/],
    ['of another type', JSON.stringify({ type: 'Mesh', name: 'default' }), /type is not Dataplane/],
    ['of another mesh', JSON.stringify({ ...document, mesh: 'nope' }), /mesh and name are not/],
    ['of another name', JSON.stringify({ ...document, name: 'witness' }), /mesh and name are not/],
    ['that is invalid', JSON.stringify({ ...document, networking: {} }), /networking\.address/],
    ['of 3 MB', `x: ${'y'.repeat(3 * MB)}`, /characters/],
    [
      'that takes a YAML parser minutes',
      Array.from({ length: 90_000 }, (_, i) => `k${i}: 1`).join('\n'),
      /characters/,
    ],
    [
      'with endless faults',
      JSON.stringify({
        ...document,
        networking: { address: '1.1.1.1', inbound: Array.from({ length: 60_000 }, () => ({})) },
      }),
      /and \d+ more|more than/,
    ],
  ] as [string, unknown, RegExp][])('a Dataplane %s', async (_what, resource, says) => {
    const start = performance.now();
    const { code, message } = await hello(bringing(resource));
    expect(code).toBe(STATUS.UNKNOWN);
    expect(message).toMatch(says);
    expect(message.length).toBeLessThan(10_000);
    expect(performance.now() - start).toBeLessThan(QUICK_MS);
  });
});

describe('a proxy whose metadata is of wrong types is served like any other', () => {
  const metadata: readonly Readonly<Record<string, unknown>>[] = [
    { version: 'text' },
    { version: { envoy: { version: 7 } } },
    { version: { kumaDp: [], envoy: null } },
    {
      features: 'feature-delta-grpc',
      'dataplane.admin.port': {},
      dynamicMetadata: [[[]]],
      transparentProxy: 'on',
    },
    { 'dataplane.resource': { type: 'Dataplane' } },
    { __proto__: null, constructor: { prototype: { polluted: true } } },
  ];
  test.each(metadata.map((m) => [JSON.stringify(m).slice(0, 60), m] as const))('%s', async (_what, extra) => {
    const messages: Buffer[] = [];
    const channel = openAdsChannel({
      target: { port: PORTS.xds, ca: target.ca },
      mode: 'delta',
      onMessage: (message) => messages.push(message),
    });
    channel.send(encodeDeltaRequest({ node: { id: 'default.other', metadata: extra }, typeUrl: CLUSTER }));
    await waitUntil(() => messages.length > 0);
    expect(messages).toHaveLength(1);
    const overview = await fetch(`http://127.0.0.1:${PORTS.rest}/meshes/default/dataplanes/other/_overview`);
    expect(overview.status).toBe(200);
    channel.destroy();
  });
});

test('two streams of one proxy: the newer one is served, the older one is told', async () => {
  const first = openStream();
  first.send(encodeDeltaRequest({ node: { id: 'default.other' }, typeUrl: CLUSTER }));
  await waitUntil(() => online('other'));
  const messages: Buffer[] = [];
  const second = openAdsChannel({
    target: { port: PORTS.xds, ca: target.ca },
    mode: 'delta',
    onMessage: (message) => messages.push(message),
  });
  second.send(encodeDeltaRequest({ node: { id: 'default.other' }, typeUrl: CLUSTER }));
  expect((await first.ended).message).toContain('replaced');
  await waitUntil(() => messages.length > 0);
  expect(messages).toHaveLength(1);
  expect(await online('other')).toBe(true);
  second.destroy();
  await waitUntil(async () => !(await online('other')));
});

async function online(name: string): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${PORTS.rest}/meshes/default/dataplanes/${name}/_overview`);
  const { dataplaneInsight } = (await answer.json()) as {
    dataplaneInsight?: { subscriptions: readonly { disconnectTime?: string }[] };
  };
  const last = dataplaneInsight?.subscriptions.at(-1);
  return last !== undefined && last.disconnectTime === undefined;
}

test('a signal that opens the debugger of Node opens none', async () => {
  target.program.signal('SIGUSR1');
  // It takes Node some moments, and there is nothing to see when it does not.
  await delay(300);
  expect(target.program.output()).not.toContain('Debugger');
});

describe('a bootstrap request that is wrong', () => {
  const post = (body: string, headers: Record<string, string> = {}, path = '/bootstrap') =>
    attack({
      port: PORTS.mixed,
      send: [
        `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n`,
        ...Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`),
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n`,
        body,
      ],
    });

  test.each([
    ['no JSON', '{', 400],
    ['10 MB', `{"mesh":"default","name":"${'x'.repeat(10 * MB)}"}`, 413],
    ['nested without end', `{"mesh":"default","name":"x","dynamicMetadata":${'['.repeat(400_000)}`, 400],
    ['a proxy nobody knows', '{"mesh":"default","name":"x"}', 404],
    [
      'a Dataplane that takes a YAML parser minutes',
      JSON.stringify({
        mesh: 'default',
        name: 'x',
        dataplaneResource: Array.from({ length: 90_000 }, (_, i) => `k${i}: 1`).join('\n'),
      }),
      500,
    ],
  ] as [string, string, number][])('%s', async (_what, body, status) => {
    const { answer, ms } = await post(body);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(ms).toBeLessThan(QUICK_MS);
  });

  test('that comes from a web page is refused, and so is an announced stop', async () => {
    const body = JSON.stringify({ mesh: 'default', name: 'witness' });
    for (const path of ['/bootstrap', '/leave']) {
      const { answer } = await post(body, { origin: 'http://evil.example' }, path);
      expect(answer).toMatch(/^HTTP\/1.1 403 /);
    }
    expect(await online('witness')).toBe(true);
  });

  test('and whose sender goes away in the middle is no error of ours', async () => {
    const log = target.followLog();
    await attack({
      port: PORTS.mixed,
      send: ['POST /bootstrap HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"mesh":'],
      end: true,
    });
    await target.stillServes();
    expect(log()).not.toContain('ERROR');
  });
});

test('told to stop with all kinds of connections open, it ends them within moments', async () => {
  const closers = await Promise.all(everyPort.map(({ port }) => openIdle(port, 100)));
  const stream = openStream();
  stream.send(encodeDeltaRequest({ node: { id: 'default.other' }, typeUrl: CLUSTER }));
  await waitUntil(() => online('other'));
  stopped = true;
  const start = performance.now();
  const exit = await target.program.stop();
  expect(exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - start).toBeLessThan(QUICK_MS);
  expect((await stream.ended).message).toContain('shutting down');
  expect(target.program.output()).toMatch(/stopped\n$/);
  for (const close of closers) close();
});

/** A node whose metadata is a struct in a struct in a struct, deeper than any stack. */
function deepNode(): Buffer {
  const field = (number: number, bytes: Buffer): Buffer => {
    const length: number[] = [];
    for (let rest = bytes.length; ; rest >>>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
  };
  let value: Buffer = Buffer.from([0x08, 0]);
  // Struct.fields entry: key 1, value 2; Value.struct 5.
  for (let i = 0; i < 3_000; i++) value = field(5, field(1, field(2, value)));
  return field(
    1,
    Buffer.concat([field(1, Buffer.from('default.other')), field(3, field(1, field(2, value)))]),
  );
}
