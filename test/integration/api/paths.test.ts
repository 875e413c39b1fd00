import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DataplaneInsightSpec } from '../../../src/model/insight.ts';
import { type ApiUnderTest, startApi } from './harness.ts';

const counters = { responsesSent: '1', responsesAcknowledged: '1' };
const status = { total: counters, cds: {}, eds: {}, lds: {}, rds: {} };
const online = (id: string): DataplaneInsightSpec => ({
  subscriptions: [{ id, controlPlaneInstanceId: 'cp-1', connectTime: '2026-01-01T00:00:00Z', status }],
});

const dataplane = (name: string, service: string, port: number, more: object = {}) => ({
  type: 'Dataplane',
  mesh: 'bookinfo',
  name,
  networking: { address: '10.0.0.1', inbound: [{ port, tags: { 'kuma.io/service': service } }] },
  ...more,
});

const route = (name: string, mesh = 'bookinfo') => ({
  type: 'TrafficRoute',
  mesh,
  name,
  sources: [{ match: { 'kuma.io/service': '*' } }],
  destinations: [{ match: { 'kuma.io/service': 'ratings' } }],
  conf: { destination: { 'kuma.io/service': 'ratings' } },
});

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi();
  await api.put('/meshes/bookinfo', { type: 'Mesh', name: 'bookinfo' });
  await api.put('/meshes/aaa', { type: 'Mesh', name: 'aaa' });
  await api.put(
    '/meshes/bookinfo/dataplanes/ratings-v1',
    dataplane('ratings-v1', 'ratings', 10001, { labels: { team: 'a' } }),
  );
  await api.put('/meshes/bookinfo/dataplanes/details-v1', dataplane('details-v1', 'details', 10101));
  await api.put('/meshes/bookinfo/traffic-routes/r1', route('r1'));
  await api.put('/meshes/aaa/traffic-routes/r1', route('r1', 'aaa'));
  api.insights.set('bookinfo/ratings-v1', online('live'));
  await api.manager.writeOwned(
    ['ratings-v1', 'details-v1'].map((name) => ({
      key: { type: 'DataplaneInsight', mesh: 'bookinfo', name },
      owner: { type: 'Dataplane', mesh: 'bookinfo', name },
      spec: online('stored'),
    })),
  );
});

afterAll(() => api[Symbol.asyncDispose]());

const namesAt = async (path: string) => {
  const { items } = (await api.get(path)).json as unknown as { items: { mesh?: string; name: string }[] };
  return items.map(({ mesh, name }) => (mesh === undefined ? name : `${mesh}/${name}`));
};

describe('pages about the control plane', () => {
  test('the index names product, version and instance', async () => {
    const reply = await api.get('/');
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.json).toMatchObject({
      product: 'Kuma',
      version: '2.14.3',
      hostname: 'host-1',
      instanceId: 'cp-1',
      clusterId: 'cluster-1',
    });
  });

  test('JSON is indented by one space', async () => {
    expect((await api.get('/config')).text).toBe('{\n "apiServer": {\n  "readOnly": false\n }\n}');
  });

  test('policies and types come from the type table', async () => {
    const policies = (await api.get('/policies')).json as unknown as { policies: { name: string }[] };
    expect(policies.policies).toContainEqual({
      name: 'TrafficRoute',
      readOnly: false,
      path: 'traffic-routes',
      singularDisplayName: 'Traffic Route',
      pluralDisplayName: 'Traffic Routes',
      isExperimental: false,
      isTargetRefBased: false,
      isInbound: false,
      isOutbound: false,
    });
    const { resources } = (await api.get('/_resources')).json as unknown as { resources: { name: string }[] };
    expect(resources).toContainEqual(
      expect.objectContaining({ name: 'Mesh', scope: 'Global', path: 'meshes', readOnly: false }),
    );
    expect(resources).toContainEqual(
      expect.objectContaining({ name: 'DataplaneInsight', scope: 'Mesh', readOnly: true }),
    );
  });

  test('a caller on this machine is told that it is admin', async () => {
    expect((await api.get('/who-am-i')).json).toMatchObject({ name: 'mesh-system:admin' });
    expect((await api.get('/who-am-i', { 'x-forwarded-for': '10.0.0.9' })).json).toEqual({
      name: 'mesh-system:anonymous',
      groups: ['mesh-system:unauthenticated'],
    });
  });

  test('the global insight counts what there is and who is online', async () => {
    expect((await api.get('/global-insight')).json).toMatchObject({
      meshes: { total: 3 },
      policies: { total: 2 },
      dataplanes: { standard: { total: 2, online: 2, offline: 0, partiallyDegraded: 0 } },
      resources: { Dataplane: { total: 2 }, TrafficRoute: { total: 2 } },
      services: {
        internal: { total: 2, online: 2, offline: 0, partiallyDegraded: 0 },
        external: { total: 0 },
      },
      zones: { controlPlanes: { total: 0 } },
    });
  });
});

describe('one resource', () => {
  test('is shown with envelope, labels and its fields beside them', async () => {
    const { status, json } = await api.get('/meshes/bookinfo/dataplanes/ratings-v1');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      type: 'Dataplane',
      mesh: 'bookinfo',
      name: 'ratings-v1',
      kri: 'kri_dp_bookinfo_default__ratings-v1_',
      labels: { team: 'a', 'kuma.io/mesh': 'bookinfo', 'kuma.io/proxy-type': 'sidecar' },
      networking: {
        address: '10.0.0.1',
        inbound: [{ port: 10001, tags: { 'kuma.io/service': 'ratings', 'kuma.io/zone': 'default' } }],
      },
    });
    expect(Date.parse(String(json.creationTime))).not.toBeNaN();
  });

  test.each([
    ['GET', '/meshes/none', 'Could not retrieve a resource'],
    ['GET', '/meshes/bookinfo/dataplanes/none', 'Could not retrieve a resource'],
    ['GET', '/meshes/bookinfo/dataplanes/none/_overview', 'Could not retrieve a resource'],
    ['GET', '/meshes/bookinfo/dataplane-insights/none', 'Could not retrieve a resource'],
    ['GET', '/meshes/none/dataplanes/x', 'Failed to retrieve Mesh'],
    ['GET', '/meshes/none/dataplanes', 'Failed to retrieve Mesh'],
    ['GET', '/meshes/none/dataplanes/_overview', 'Failed to retrieve Mesh'],
    ['GET', `/meshes/${'x'.repeat(900)}`, 'Could not retrieve a resource'],
    ['DELETE', '/meshes/none', 'Could not delete a resource'],
    ['DELETE', '/meshes/bookinfo/dataplanes/none', 'Could not delete a resource'],
    ['DELETE', '/meshes/none/dataplanes/x', 'Failed to retrieve Mesh'],
  ])('that is absent: %s %s is 404 "%s"', async (method, path, title) => {
    const { status, json } = await api.send({ method, path });
    expect({ status, json }).toEqual({
      status: 404,
      json: { type: '/std-errors', status: 404, title, detail: 'Not found', details: 'Not found' },
    });
  });

  test('cannot be had in the Kubernetes format', async () => {
    const { status, json } = await api.get('/meshes/default?format=kubernetes');
    expect({ status, field: json.invalid_parameters }).toMatchObject({
      status: 400,
      field: [{ field: 'format', choices: ['universal'] }],
    });
    expect((await api.get('/meshes/default?format=universal')).status).toBe(200);
  });
});

describe('lists', () => {
  test('are sorted by mesh and name, of one mesh or of all', async () => {
    expect(await namesAt('/meshes')).toEqual(['aaa', 'bookinfo', 'default']);
    expect(await namesAt('/meshes/bookinfo/dataplanes')).toEqual([
      'bookinfo/details-v1',
      'bookinfo/ratings-v1',
    ]);
    expect(await namesAt('/traffic-routes')).toEqual(['aaa/r1', 'bookinfo/r1']);
  });

  test('of meshes in the order of creation begin with default, as 0.1 had it', async () => {
    await using other = await startApi();
    for (const name of ['zzz', 'aaa']) {
      await other.put(`/meshes/${name}`, { type: 'Mesh', name });
      const tick = Date.now();
      while (Date.now() === tick) await Promise.resolve();
    }
    const { json } = await other.get('/meshes?order=creation');
    expect(json).toMatchObject({ total: 3, items: [{ name: 'default' }, { name: 'zzz' }, { name: 'aaa' }] });
    expect((await other.get('/meshes?order=size')).status).toBe(400);
  });

  test('come in pages whose next URL works as it is', async () => {
    const first = await api.get('/meshes?size=2');
    expect(first.json).toMatchObject({ total: 3, items: [{ name: 'aaa' }, { name: 'bookinfo' }] });
    const next = new URL(String(first.json.next));
    expect(next.host).toBe(`127.0.0.1:${api.port}`);
    const second = await api.get(next.pathname + next.search);
    expect(second.json).toMatchObject({ total: 3, items: [{ name: 'default' }], next: null });
  });

  test.each([
    ['/meshes/bookinfo/dataplanes?name=rat', ['bookinfo/ratings-v1']],
    ['/dataplanes?tag=kuma.io/service:detail', ['bookinfo/details-v1']],
    ['/dataplanes?filter%5Blabels.team%5D=a', ['bookinfo/ratings-v1']],
    ['/dataplanes/_overview?tag=kuma.io/service:ratings', ['bookinfo/ratings-v1']],
    ['/dataplanes?gateway=true', []],
  ])('are filtered: %s', async (path, expected) => {
    expect(await namesAt(path)).toEqual(expected);
  });

  test('with a wrong parameter are refused with the parameter', async () => {
    expect((await api.get('/meshes?size=0')).json).toEqual({
      type: '/std-errors',
      status: 400,
      title: 'Could not retrieve resources',
      detail: 'Invalid page size',
      invalid_parameters: [{ field: 'size', reason: 'must be greater than 0' }],
      details: 'Invalid page size',
      causes: [{ field: 'size', message: 'must be greater than 0' }],
    });
    expect((await api.get('/dataplanes?tag=x')).json).toMatchObject({
      status: 400,
      invalid_parameters: [{ field: 'tag' }],
    });
  });
});

describe('overviews', () => {
  test.each([
    '/meshes/bookinfo/dataplanes/_overview',
    '/dataplanes/_overview',
    '/meshes/bookinfo/dataplanes+insights',
    '/dataplanes+insights',
  ])('%s shows each proxy with what is known of it, the live view first', async (path) => {
    const { json } = await api.get(path);
    expect(json).toMatchObject({
      total: 2,
      items: [
        {
          type: 'DataplaneOverview',
          name: 'details-v1',
          dataplaneInsight: { subscriptions: [{ id: 'stored' }] },
        },
        {
          type: 'DataplaneOverview',
          mesh: 'bookinfo',
          name: 'ratings-v1',
          dataplane: { networking: { address: '10.0.0.1' } },
          dataplaneInsight: { subscriptions: [{ id: 'live', status: { total: counters } }] },
        },
      ],
      next: null,
    });
  });

  test.each([
    '/meshes/bookinfo/dataplanes/ratings-v1/_overview',
    '/meshes/bookinfo/dataplanes+insights/ratings-v1',
  ])('%s shows one', async (path) => {
    expect((await api.get(path)).json).toMatchObject({
      name: 'ratings-v1',
      dataplaneInsight: { subscriptions: [{ id: 'live' }] },
    });
  });

  test('a proxy that never connected has no insight', async () => {
    await using other = await startApi();
    await other.put('/meshes/bookinfo', { type: 'Mesh', name: 'bookinfo' });
    await other.put('/meshes/bookinfo/dataplanes/x', dataplane('x', 'x', 1));
    expect((await other.get('/meshes/bookinfo/dataplanes/x/_overview')).json).toMatchObject({
      dataplaneInsight: {},
    });
    const { json: list } = await other.get('/dataplanes/_overview');
    expect((list.items as object[])[0]).not.toHaveProperty('dataplaneInsight');
    expect((await other.get('/dataplane-insights')).json).toMatchObject({ total: 0 });
    other.insights.set('bookinfo/x', online('live'));
    expect((await other.get('/meshes/bookinfo/dataplane-insights/x')).json).toMatchObject({
      type: 'DataplaneInsight',
      name: 'x',
      subscriptions: [{ id: 'live' }],
    });
  });

  test('insights by themselves are live too', async () => {
    expect(await namesAt('/meshes/bookinfo/dataplane-insights')).toEqual([
      'bookinfo/details-v1',
      'bookinfo/ratings-v1',
    ]);
    expect((await api.get('/meshes/bookinfo/dataplane-insights/ratings-v1')).json).toMatchObject({
      subscriptions: [{ id: 'live' }],
    });
  });
});

describe('methods and paths', () => {
  test.each([
    ['PUT', '/meshes/bookinfo/dataplane-insights/ratings-v1', 'GET, HEAD'],
    ['DELETE', '/meshes/bookinfo/dataplane-insights/ratings-v1', 'GET, HEAD'],
    ['POST', '/meshes', 'GET, HEAD'],
    ['POST', '/meshes/bookinfo', 'GET, HEAD, PUT, DELETE'],
    ['PATCH', '/meshes/bookinfo/dataplanes/ratings-v1', 'GET, HEAD, PUT, DELETE'],
    ['PUT', '/', 'GET, HEAD'],
    ['PROPFIND', '/meshes', 'GET, HEAD, PUT, DELETE'],
  ])('%s %s is not possible', async (method, path, allow) => {
    const { status, json, headers } = await api.send({ method, path });
    expect({ status, json, allow: headers.allow }).toMatchObject({
      status: 405,
      json: { type: '/std-errors', status: 405 },
      allow,
    });
  });

  test.each([
    '/nonsense',
    '/meshes/bookinfo/nonsense',
    '/meshes/bookinfo/dataplanes/ratings-v1/nonsense',
    '/Meshes',
  ])('there is nothing at %s', async (path) => {
    expect(await api.get(path)).toMatchObject({ status: 404, text: '404: Page Not Found' });
  });

  test.each(['/meshes', '/meshes/bookinfo', '/meshes/bookinfo/dataplanes/_overview'])(
    'a slash after %s changes nothing',
    async (path) => {
      expect((await api.get(`${path}/`)).json).toEqual((await api.get(path)).json);
    },
  );

  test('a mesh without a name is not there', async () => {
    expect(await api.get('/meshes//dataplanes/x')).toMatchObject({ status: 404 });
  });

  test('two slashes are the index, not a host', async () => {
    const index = 'GET // HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    expect(await api.raw(index)).toMatch(/^HTTP\/1.1 200 /);
  });

  test('the global insights count what belongs to no mesh', async () => {
    expect((await api.get('/global-insights')).json).toMatchObject({
      type: 'GlobalInsights',
      resources: { Mesh: { total: 3 } },
    });
  });

  test('HEAD answers like GET, without the body', async () => {
    const head = await api.send({ method: 'HEAD', path: '/meshes/bookinfo' });
    const get = await api.get('/meshes/bookinfo');
    expect(head).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': get.headers['content-length'] },
    });
  });

  test.each(['/%zz', '/meshes/%ff', '/meshes/%00'])('%s is answered, not fallen over', async (path) => {
    const { status, json } = await api.get(path);
    expect([400, 404]).toContain(status);
    expect(json).toMatchObject({ type: '/std-errors', status });
  });
});
