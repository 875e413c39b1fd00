import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { StoreError } from '../../../src/cp/store/errors.ts';
import { createMemoryStore } from '../../../src/cp/store/memory/memory-store.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { type ApiUnderTest, startApi } from './harness.ts';

/** The example's documents of one dialect: mesh, data plane proxies, one route. */
function readExample(dialect: string, route: string): readonly JsonObject[] {
  const folder = new URL(`../../../examples/bookinfo/${dialect}/`, import.meta.url);
  const dataplanes = readdirSync(new URL('dataplanes/', folder)).sort();
  const files = ['mesh.yaml', ...dataplanes.map((name) => `dataplanes/${name}`), `routes/${route}`];
  return files.map(
    (file) =>
      parse(readFileSync(new URL(file, folder), 'utf8').replaceAll('{{ IP }}', '127.0.0.1')) as JsonObject,
  );
}

const article = readExample('article', 'route-1-as-written.yaml');
const today = readExample('today', 'reviews-mostly-v1.yaml');

const PLURALS: Record<string, string> = {
  Mesh: 'meshes',
  Dataplane: 'dataplanes',
  TrafficRoute: 'traffic-routes',
};

function pathOf({ type, mesh, name }: JsonObject): string {
  const own = `/${PLURALS[String(type)]}/${String(name)}`;
  return mesh === undefined ? own : `/meshes/${String(mesh)}${own}`;
}

const apply = (api: ApiUnderTest, document: JsonObject) => api.put(pathOf(document), document);

async function withBookinfo(api: ApiUnderTest): Promise<void> {
  await api.put('/meshes/bookinfo', { type: 'Mesh', name: 'bookinfo' });
}

const DATAPLANE = {
  type: 'Dataplane',
  mesh: 'bookinfo',
  name: 'ratings-v1',
  networking: { address: '10.0.0.1', inbound: [{ port: 10001, tags: { 'kuma.io/service': 'ratings' } }] },
};
const DATAPLANE_PATH = '/meshes/bookinfo/dataplanes/ratings-v1';

describe("the article's documents", () => {
  test('are created one after another and come back in the shape of today', async () => {
    await using api = await startApi();
    for (const document of article) {
      const { status, json } = await apply(api, document);
      expect({ path: pathOf(document), status, violations: json.causes }).toEqual({
        path: pathOf(document),
        status: 201,
      });
    }
    const { json } = await api.get('/meshes/bookinfo/dataplanes/productpage-v1');
    expect(json.networking).toEqual({
      address: '127.0.0.1',
      inbound: [
        {
          port: 10501,
          servicePort: 10500,
          tags: {
            'kuma.io/service': 'productpage',
            'kuma.io/zone': 'default',
            app: 'bookinfo',
            version: 'v1',
          },
        },
      ],
      outbound: [
        { address: '127.0.0.1', port: 10502, tags: { 'kuma.io/service': 'ratings' } },
        { address: '127.0.0.1', port: 10503, tags: { 'kuma.io/service': 'details' } },
        { address: '127.0.0.1', port: 10504, tags: { 'kuma.io/service': 'reviews' } },
      ],
    });
    expect((await api.get('/meshes/bookinfo/traffic-routes/route-1')).json).toMatchObject({
      labels: { 'kuma.io/mesh': 'bookinfo' },
      sources: [{ match: { 'kuma.io/service': 'productpage' } }],
      conf: {
        split: [
          { weight: 80 },
          { weight: 10 },
          { weight: 10, destination: { 'kuma.io/service': 'backend', version: 'v3' } },
        ],
      },
    });
  });

  test('that names a service nobody offers is accepted with a warning about exactly that', async () => {
    await using api = await startApi();
    for (const document of article.slice(0, -1)) await apply(api, document);
    const { status, json } = await apply(api, article.at(-1) ?? {});
    expect(status).toBe(201);
    const warnings = json.warnings as readonly string[];
    expect(warnings).toContain(
      'conf.split[2].destination: no data plane proxy has kuma.io/service=backend version=v3',
    );
    expect(warnings.filter((warning) => warning.includes('no data plane proxy'))).toHaveLength(1);
  });

  test('can be applied again, and what was read can be applied as it is', async () => {
    await using api = await startApi();
    for (const document of article) await apply(api, document);
    for (const document of article) expect((await apply(api, document)).status).toBe(200);
    const revision = await api.store.revision();
    for (const document of article) {
      const stored = (await api.get(pathOf(document))).json;
      expect({ status: (await apply(api, stored)).status, stored }).toEqual({ status: 200, stored });
    }
    expect(await api.store.revision()).toBe(revision);
  });
});

test("today's documents are created without a warning", async () => {
  await using api = await startApi();
  for (const document of today) {
    expect({ path: pathOf(document), ...(await apply(api, document)) }).toMatchObject({
      path: pathOf(document),
      status: 201,
      text: '{}',
    });
  }
});

describe('PUT', () => {
  test('creates with 201 and an empty object, then updates with 200', async () => {
    await using api = await startApi();
    await withBookinfo(api);
    expect(await api.put(DATAPLANE_PATH, DATAPLANE)).toMatchObject({ status: 201, text: '{}' });
    expect(await api.put(DATAPLANE_PATH, DATAPLANE)).toMatchObject({ status: 200, text: '{}' });
  });

  test('warns of a Dataplane that claims the address and port of another one', async () => {
    await using api = await startApi();
    await withBookinfo(api);
    await api.put(DATAPLANE_PATH, DATAPLANE);
    const reply = await api.put('/meshes/bookinfo/dataplanes/twin', { ...DATAPLANE, name: 'twin' });
    expect(reply.status).toBe(201);
    expect(reply.json.warnings).toEqual([
      expect.stringContaining('10.0.0.1:10001 is also claimed by Dataplane "ratings-v1"'),
    ]);
  });

  test('takes any content type, or none', async () => {
    await using api = await startApi();
    for (const type of [
      'application/json; charset=utf-8',
      'text/plain',
      'application/x-www-form-urlencoded',
    ]) {
      const reply = await api.put('/meshes/m', { type: 'Mesh', name: 'm' }, { 'content-type': type });
      expect([200, 201]).toContain(reply.status);
    }
    const bare = await api.send({ method: 'PUT', path: '/meshes/m', body: '{"type":"Mesh","name":"m"}' });
    expect(bare.status).toBe(200);
  });

  test('of a body that disagrees with its URL is refused with each difference', async () => {
    await using api = await startApi();
    await withBookinfo(api);
    expect(await api.put('/meshes/default/dataplanes/other', DATAPLANE)).toMatchObject({
      status: 400,
      json: {
        type: '/std-errors',
        status: 400,
        title: 'Could not process a resource',
        detail: 'Resource is not valid',
        invalid_parameters: [
          { field: 'mesh', reason: 'mesh from the URL has to be the same as in body' },
          { field: 'name', reason: 'name from the URL has to be the same as in body' },
        ],
      },
    });
  });

  test('into a mesh that does not exist is 404', async () => {
    await using api = await startApi();
    expect(await api.put(DATAPLANE_PATH, DATAPLANE)).toMatchObject({
      status: 404,
      json: { title: 'Failed to retrieve Mesh', detail: 'Not found' },
    });
  });

  const inboundOf = (inbound: object) => ({
    ...DATAPLANE,
    networking: { address: '10.0.0.1', inbound: [inbound] },
  });
  const tags = { 'kuma.io/service': 'x' };
  test.each([
    ['port 0', inboundOf({ port: 0, tags }), 'networking.inbound[0].port'],
    ['port 70000', inboundOf({ port: 70000, tags }), 'networking.inbound[0].port'],
    ['a port in words', inboundOf({ port: 'http', tags }), 'networking.inbound[0].port'],
    [
      'no service tag',
      inboundOf({ port: 80, tags: { version: 'v1' } }),
      'networking.inbound[0].tags["kuma.io/service"]',
    ],
    ['both dialects', inboundOf({ port: 80, interface: '10.0.0.1:80:81', tags }), 'networking.inbound[0]'],
    ['an unknown type', { ...DATAPLANE, type: 'Nonsense' }, 'type'],
    ['a type that is no text', { ...DATAPLANE, type: 7 }, 'type'],
    ['networking that is a list', { ...DATAPLANE, networking: [] }, 'networking'],
    ['a label that is no text', { ...DATAPLANE, labels: { team: 7 } }, 'labels'],
    ['another origin', { ...DATAPLANE, labels: { 'kuma.io/origin': 'global' } }, 'labels["kuma.io/origin"]'],
    ['another zone', { ...DATAPLANE, labels: { 'kuma.io/zone': 'east' } }, 'labels["kuma.io/zone"]'],
    ['another mesh label', { ...DATAPLANE, labels: { 'kuma.io/mesh': 'default' } }, 'labels["kuma.io/mesh"]'],
  ])('with %s is refused with the field and changes nothing', async (_what, document, field) => {
    await using api = await startApi();
    await withBookinfo(api);
    const before = await api.store.revision();
    const { status, json } = await api.put(DATAPLANE_PATH, document);
    expect({ status, detail: json.detail }).toEqual({ status: 400, detail: 'Resource is not valid' });
    const fields = (json.invalid_parameters as { field: string }[]).map((parameter) => parameter.field);
    expect(fields).toEqual(expect.arrayContaining([expect.stringContaining(field)]));
    expect(await api.store.revision()).toBe(before);
  });

  test('of a mesh that enables mTLS is refused while there is none, in both dialects', async () => {
    await using api = await startApi();
    const old = { type: 'Mesh', name: 'm', mtls: { enabled: true } };
    const modern = {
      type: 'Mesh',
      name: 'm',
      mtls: { enabledBackend: 'ca', backends: [{ name: 'ca', type: 'builtin' }] },
    };
    for (const mesh of [old, modern]) {
      const { status, json } = await api.put('/meshes/m', mesh);
      expect({ status, field: (json.invalid_parameters as { field: string }[])[0]?.field }).toMatchObject({
        status: 400,
        field: expect.stringContaining('mtls'),
      });
    }
    expect((await api.get('/meshes/m')).status).toBe(404);
  });

  test('of the same name by many at once creates once and updates for the others', async () => {
    await using api = await startApi();
    await withBookinfo(api);
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        api.put(DATAPLANE_PATH, { ...DATAPLANE, labels: { writer: String(i) } }),
      ),
    );
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 200)).toHaveLength(39);
    expect((await api.get(DATAPLANE_PATH)).status).toBe(200);
  });
});

describe('DELETE', () => {
  test('answers 200 with an empty object, and 404 the second time', async () => {
    await using api = await startApi();
    await withBookinfo(api);
    await api.put(DATAPLANE_PATH, DATAPLANE);
    expect(await api.del(DATAPLANE_PATH)).toMatchObject({ status: 200, text: '{}' });
    expect(await api.del(DATAPLANE_PATH)).toMatchObject({
      status: 404,
      json: { title: 'Could not delete a resource' },
    });
  });

  test('of a mesh that still has data plane proxies is refused', async () => {
    await using api = await startApi();
    await withBookinfo(api);
    await api.put(DATAPLANE_PATH, DATAPLANE);
    expect(await api.del('/meshes/bookinfo')).toMatchObject({
      status: 400,
      json: {
        invalid_parameters: [
          { field: 'mesh', reason: 'unable to delete mesh, there are still some dataplanes attached' },
        ],
      },
    });
    await api.del(DATAPLANE_PATH);
    expect((await api.del('/meshes/bookinfo')).status).toBe(200);
  });
});

describe('the log', () => {
  test('has one line for each write that tells who, what and how it ended', async () => {
    await using api = await startApi();
    const { headers } = await api.put('/meshes/m', { type: 'Mesh', name: 'm' });
    await api.put('/meshes/m', { type: 'Mesh', name: 'n' });
    await api.get('/meshes/m');
    expect(api.log).toMatchObject([
      {
        level: 'info',
        message: 'change accepted',
        facts: {
          request: headers['x-request-id'],
          user: 'mesh-system:admin',
          peer: '127.0.0.1',
          method: 'PUT',
          path: '/meshes/m',
          status: 201,
        },
      },
      {
        message: 'change not made',
        facts: { status: 400, reason: expect.stringContaining('name from the URL has to be the same') },
      },
    ]);
  });
});

describe('a store that fails', () => {
  const brokenBy = (error: Error) => {
    const store = createMemoryStore();
    const fail = () => Promise.reject(error);
    return {
      get: fail,
      list: fail,
      commit: fail,
      revision: () => store.revision(),
      subscribe: store.subscribe.bind(store),
      close: () => store.close(),
    };
  };

  test.each([
    [new StoreError('unavailable', 'disk full at /var/lib/secret'), 503],
    [new Error('a bug at /srv/secret.ts:7'), 500],
  ])('is told to the caller without its inner text, and to the log with it: %s', async (error, status) => {
    await using api = await startApi({ store: brokenBy(error), skipDefaultMesh: true });
    const reply = await api.get('/meshes/default');
    expect(reply).toMatchObject({
      status,
      json: { type: '/std-errors', status, instance: reply.headers['x-request-id'] },
    });
    expect(reply.text).not.toContain('secret');
    expect(api.log).toMatchObject([
      { level: 'error', facts: { request: reply.json.instance, error: error.message } },
    ]);
  });
});
