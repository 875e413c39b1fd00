import { describe, expect, test } from 'vitest';
import type { BootstrapReply } from '../../../../src/bootstrap/contract.ts';
import { answerBootstrap, type BootstrapContext } from '../../../../src/cp/bootstrap/handler.ts';
import { aContext, caPem, leafPem } from './support.ts';

const WEB = { mesh: 'default', name: 'web', workdir: '/run/w' };
const DATAPLANE = {
  type: 'Dataplane',
  mesh: 'default',
  name: 'web',
  networking: { address: '10.0.0.7', inbound: [{ port: 80, tags: { 'kuma.io/service': 'web' } }] },
};

function ask(
  request: object | string,
  {
    host = '127.0.0.1:5678',
    accept = 'application/json',
    ...changes
  }: Partial<BootstrapContext> & {
    host?: string;
    accept?: string;
  } = {},
) {
  const body = typeof request === 'string' ? request : JSON.stringify(request);
  return answerBootstrap({ body, host, accept }, aContext(changes));
}

const bringing = (resource: object | string, request: object = WEB) => ({
  ...request,
  dataplaneResource: typeof resource === 'string' ? resource : JSON.stringify(resource),
});

describe('a request that is answered with 400 and an empty body', () => {
  test.each([
    ['no body, as a GET sends it', ''],
    ['no JSON', '{"mesh":'],
    ['JSON that is no object', '["default", "web"]'],
    ['no name', { mesh: 'default' }],
    ['no mesh', { name: 'web' }],
    ['a name that is no text', { mesh: 'default', name: 7 }],
  ])('%s', async (_what, request) => {
    expect(await ask(request)).toMatchObject({ status: 400, body: '' });
  });
});

describe('a host that the certificate does not cover', () => {
  test('is refused with what to do about it, since Envoy could not connect', async () => {
    const { status, body } = await ask(WEB, { host: 'other.example:5678' });
    expect(status).toBe(400);
    expect(body).toContain('"other.example"');
    expect(body).toContain('bootstrapServer.params.xdsHost');
  });

  test('does not matter when the configuration names the host for proxies', async () => {
    expect(await ask(WEB, { host: 'other.example:5678', xdsHost: 'cp.example' })).toMatchObject({
      status: 200,
    });
  });

  test('is looked at without its port and brackets', async () => {
    const asked: string[] = [];
    const coversHost = (host: string) => asked.push(host) > 0;
    for (const host of ['cp.example', 'cp.example:1', '10.0.0.1:1', '[::1]:1', '[::1]', ''])
      await ask(WEB, { host, coversHost });
    expect(asked).toEqual(['cp.example', 'cp.example', '10.0.0.1', '::1', '::1', '']);
  });
});

describe('the certificate an agent wants trusted', () => {
  test('is refused when it is no authority', async () => {
    const { status, body } = await ask({ ...WEB, caCert: leafPem });
    expect(status).toBe(400);
    expect(body).toContain('not a certificate authority');
  });

  test('is a fault of the agent when it is no certificate at all', async () => {
    expect(await ask({ ...WEB, caCert: 'not PEM' })).toMatchObject({ status: 500, body: '' });
  });

  test('takes the place of our own', async () => {
    const { body } = await ask({ ...WEB, caCert: caPem }, { accept: '*/*', caPem: () => 'ours' });
    expect(body).toContain(Buffer.from(caPem).toString('base64'));
  });
});

describe('a Dataplane that is not there yet', () => {
  test('is 404 with an empty body, which tells agents to try again', async () => {
    expect(await ask({ mesh: 'default', name: 'missing' })).toMatchObject({ status: 404, body: '' });
  });

  test.each([
    ['stored ones', { mesh: 'nope', name: 'web' }],
    ['those the agent brings', bringing({ ...DATAPLANE, mesh: 'nope' })],
  ])('in a mesh that does not exist is 422 and names the mesh, for %s', async (_what, request) => {
    expect(await ask(request)).toMatchObject({ status: 422, body: 'mesh: mesh "nope" does not exist' });
  });
});

describe('a Dataplane that the agent brings', () => {
  test('need not be stored, and its own mesh and name count', async () => {
    const { status, body } = await ask(bringing({ ...DATAPLANE, name: 'brought' }), { accept: '*/*' });
    expect(status).toBe(200);
    expect(body).toContain('"id": "default.brought"');
  });

  test('may be YAML, and of the first dialect', async () => {
    const text =
      'type: Dataplane\nmesh: default\nname: old\nnetworking:\n  inbound:\n  - interface: 10.0.0.1:80:8080\n    tags: {service: old}';
    const { status, body } = await ask(bringing(text), { accept: '*/*' });
    expect(status).toBe(200);
    expect(body).toContain('"cluster": "old"');
  });

  test('is refused with every violation and its field', async () => {
    const inbound = [80, 81].map((port) => ({ port, tags: { version: 'v1' } }));
    const { status, body } = await ask(
      bringing({
        ...DATAPLANE,
        networking: { address: '10.0.0.1', inbound, outbound: [{ port: 70_000, tags: {} }] },
      }),
    );
    expect(status).toBe(422);
    expect(body).toContain('networking.inbound[0].tags["kuma.io/service"]: tag has to exist');
    expect(body).toContain('networking.inbound[1].tags["kuma.io/service"]: tag has to exist');
    expect(body).toContain('networking.outbound[0].port: port must be in the range');
  });

  test('with endless violations gets a short answer', async () => {
    const inbound = Array.from({ length: 30_000 }, () => ({}));
    const {
      status,
      body,
      reason = '',
    } = await ask(bringing({ ...DATAPLANE, networking: { address: '10.0.0.1', inbound } }));
    expect(status).toBe(422);
    expect(body.length).toBeLessThan(4_000);
    expect(body).toMatch(/and \d+ more$/);
    expect(reason.length).toBeLessThan(4_000);
  });

  test.each([
    ['another type', { type: 'Mesh', name: 'default' }],
    ['no document', '- a\n- b'],
    ['no YAML', '{"a": '],
  ])('that is %s is 500 with an empty body', async (_what, resource) => {
    expect(await ask(bringing(resource))).toMatchObject({ status: 500, body: '' });
  });
});

test.each(['ingress', 'egress', 'nonsense'])(
  'a proxy of type %s is not served: 500, empty',
  async (proxyType) => {
    expect(await ask({ ...WEB, proxyType })).toMatchObject({ status: 500, body: '' });
  },
);

describe('the two forms of the answer', () => {
  test('agents of today get JSON with the bootstrap in Base64 and what concerns themselves', async () => {
    const { status, contentType, body } = await ask(WEB);
    expect([status, contentType]).toEqual([200, 'application/json']);
    const reply = JSON.parse(body) as BootstrapReply;
    expect(reply.kumaSidecarConfiguration).toEqual({
      networking: { address: '10.0.0.1', corefileTemplate: null },
      metrics: { aggregate: null },
    });
    expect(Buffer.from(reply.bootstrap, 'base64').toString()).toContain('"id": "default.web"');
  });

  test.each(['*/*', '', 'text/html'])('all others get bare YAML (accept: %j)', async (accept) => {
    const { status, contentType, body } = await ask(WEB, { accept });
    expect([status, contentType]).toEqual([200, 'text/x-yaml']);
    expect(body).toMatch(/^"node":\n/);
  });
});

describe('a token', () => {
  const TOKEN = 'eyJhbGciOiJub25lIn0.secret.signature';

  test('is in the header of the stream and nowhere else', async () => {
    const { body } = await ask(
      { ...WEB, dataplaneToken: TOKEN, dataplaneTokenPath: '/etc/token' },
      { accept: '*/*' },
    );
    expect(body.split(TOKEN)).toHaveLength(2);
    expect(body).toContain(`"key": "authorization"\n            "value": "${TOKEN}"`);
    expect(body).not.toContain('/etc/token');
  });

  test.each([
    ['a bad mesh', { mesh: 'nope', name: 'web' }],
    ['a missing Dataplane', { mesh: 'default', name: 'missing' }],
    ['a bad type', { ...WEB, proxyType: 'nonsense' }],
    ['a bad CA', { ...WEB, caCert: 'x' }],
    ['a bad Dataplane', bringing({ ...DATAPLANE, networking: {} })],
    ['no Dataplane', bringing('{')],
  ])('is in no answer and no reason for the log, with %s', async (_what, request) => {
    expect(JSON.stringify(await ask({ ...request, dataplaneToken: TOKEN }))).not.toContain('secret');
  });
});

describe("Envoy's admin without a work directory", () => {
  const adminOf = async (request: object, changes: Partial<BootstrapContext> = {}) =>
    /"port_value": (\d+)/.exec((await ask(request, { accept: '*/*', ...changes })).body)?.[1];

  test("is on the agent's port, else the Dataplane's, else the configured one, else 9901", async () => {
    const plain = { mesh: 'default', name: 'web' };
    const withAdmin = bringing(
      { ...DATAPLANE, networking: { ...DATAPLANE.networking, admin: { port: 8888 } } },
      plain,
    );
    expect(await adminOf({ ...withAdmin, adminPort: 7777 }, { adminPort: 6666 })).toBe('7777');
    expect(await adminOf(withAdmin, { adminPort: 6666 })).toBe('8888');
    expect(await adminOf(plain, { adminPort: 6666 })).toBe('6666');
    expect(await adminOf(plain)).toBe('9901');
  });
});
