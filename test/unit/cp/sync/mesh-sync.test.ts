import { fromBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { beforeEach, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../../../src/cp/store/memory/memory-store.ts';
import type { Mutation, Store } from '../../../../src/cp/store/store.ts';
import { createMeshSync, type MeshSync } from '../../../../src/cp/sync/mesh-sync.ts';
import { ENDPOINT, LISTENER } from '../../../../src/envoy/type-urls.ts';
import type { Logger } from '../../../../src/lib/logger.ts';
import type { Resource } from '../../../../src/model/resource.ts';
import { HealthStatus } from '../../../../src/proto/gen/envoy/config/core/v3/health_check_pb.js';
import { ClusterLoadAssignmentSchema } from '../../../../src/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { ProxySnapshot } from '../../../../src/xds/resource.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { aDataplane, aMesh, aResource } from '../../../support/mesh-fixture.ts';

const web = aDataplane({ name: 'web', outbound: { 9000: 'api' } });
const other = aDataplane({ name: 'other', address: '10.0.0.2', service: 'other' });
const api1 = aDataplane({ name: 'api1', service: 'api', address: '10.0.1.1' });
const api2 = aDataplane({ name: 'api2', service: 'api', address: '10.0.1.2' });

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

let store: Store;
let clock: FakeClock;
let sync: MeshSync;
let cached: Map<string, ProxySnapshot>;
/** Node ids in the order in which the cache was set. */
let sets: string[];
let logged: string[];

beforeEach(async () => {
  clock = createFakeClock();
  store = createMemoryStore({ clock });
  cached = new Map();
  sets = [];
  logged = [];
  const note = (facts: object, message: string) => logged.push(`${message} ${JSON.stringify(facts)}`);
  const logger: Logger = { debug() {}, info() {}, warn: note, error: note, child: () => logger };
  sync = createMeshSync({
    store,
    clock,
    logger,
    cache: {
      set: (nodeId, snapshot) => {
        cached.set(nodeId, snapshot);
        sets.push(nodeId);
      },
      delete: (nodeId) => cached.delete(nodeId),
    },
  });
  await put(aMesh(), web, other, api1);
});

function write({ key, labels, spec }: Resource) {
  return { key, labels, spec };
}

async function put(...resources: readonly Resource[]): Promise<void> {
  const mutations: Mutation[] = [];
  for (const resource of resources) {
    const op = (await store.get(resource.key)) === undefined ? 'create' : 'update';
    mutations.push({ op, write: write(resource) });
  }
  await store.commit(mutations);
}

async function remove(resource: Resource): Promise<void> {
  await store.commit([{ op: 'delete', key: resource.key }]);
}

function connect(name: string): Promise<void> {
  return sync.connect({ mesh: 'default', name, nodeId: `default.${name}` });
}

/** Addresses of service api as the proxy has them, degraded ones marked. */
function apiEndpoints(nodeId = 'default.web'): readonly string[] {
  const resource = cached.get(nodeId)?.get(ENDPOINT)?.get('api');
  if (resource === undefined) return [];
  const { value } = fromBinary(AnySchema, resource.any);
  return fromBinary(ClusterLoadAssignmentSchema, value).endpoints.flatMap(({ lbEndpoints }) =>
    lbEndpoints.map(({ healthStatus, hostIdentifier: host }) => {
      const address = host.case === 'endpoint' ? host.value.address?.address : undefined;
      const text = address?.case === 'socketAddress' ? address.value.address : '';
      return healthStatus === HealthStatus.DEGRADED ? `${text}?` : text;
    }),
  );
}

describe('a proxy that connects', () => {
  test('finds its configuration in the cache when connect resolves', async () => {
    await sync.start();
    await connect('web');
    expect(apiEndpoints()).toEqual(['10.0.1.1']);
    expect([...(cached.get('default.web')?.get(LISTENER)?.keys() ?? [])]).toContain(
      'outbound:127.0.0.1:9000',
    );
  });

  test('waits for the start, without being told to', async () => {
    await connect('web');
    expect(apiEndpoints()).toEqual(['10.0.1.1']);
  });

  test('sees a commit that resolved just before', async () => {
    await sync.start();
    await put(api2);
    const connected = connect('web');
    clock.advance(3);
    await connected;
    expect(apiEndpoints()).toEqual(['10.0.1.1', '10.0.1.2']);
  });

  test.each([
    ['default', 'nobody', 'there is no Dataplane nobody in mesh default'],
    ['nowhere', 'web', 'there is no Mesh nowhere'],
  ])('is refused in mesh %s as %s: %s', async (mesh, name, message) => {
    await expect(sync.connect({ mesh, name, nodeId: `${mesh}.${name}` })).rejects.toThrow(message);
    expect(cached.size).toBe(0);
  });

  test('and disconnects while it waits is not put into the cache', async () => {
    await sync.start();
    await put(api2);
    const connected = connect('web');
    sync.disconnect('default.web');
    clock.advance(3);
    await connected;
    expect(cached.size).toBe(0);
  });

  test('leaves the cache when it disconnects, and gets no more updates', async () => {
    await connect('web');
    sync.disconnect('default.web');
    await put(api2);
    clock.advance(3);
    expect(cached.size).toBe(0);
  });
});

describe('a change', () => {
  beforeEach(async () => {
    await connect('web');
    await connect('other');
    sets.length = 0;
  });

  test('of endpoints reaches the consumers of the service and touches nobody else', async () => {
    await put(api2);
    clock.advance(3);
    expect(sets).toEqual(['default.web']);
    expect(apiEndpoints()).toEqual(['10.0.1.1', '10.0.1.2']);
  });

  test('and more of them within the time to wait are one step', async () => {
    let steps = 0;
    const end = sync.onSnapshot(() => steps++);
    await put(api2);
    clock.advance(1);
    await remove(api1);
    expect(sets).toEqual([]);
    clock.advance(2);
    expect([steps, sets, apiEndpoints()]).toEqual([1, ['default.web'], ['10.0.1.2']]);
    end();
    await put(api1);
    clock.advance(3);
    expect(steps).toBe(1);
  });

  test('of a proxy itself reaches it', async () => {
    await put(
      aDataplane({ name: 'other', address: '10.0.0.2', service: 'other', outbound: { 9100: 'api' } }),
    );
    clock.advance(3);
    expect(sets).toEqual(['default.other']);
    expect(apiEndpoints('default.other')).toEqual(['10.0.1.1']);
  });

  test('makes the proxy a consumer from then on, and no longer when the outbound is gone', async () => {
    await put(
      aDataplane({ name: 'other', address: '10.0.0.2', service: 'other', outbound: { 9100: 'api' } }),
    );
    clock.advance(3);
    await put(api2);
    clock.advance(3);
    expect(apiEndpoints('default.other')).toEqual(['10.0.1.1', '10.0.1.2']);
    await put(other);
    clock.advance(3);
    sets.length = 0;
    await remove(api2);
    clock.advance(3);
    expect(sets).toEqual(['default.web']);
  });

  test('of a TrafficRoute makes its new destinations count', async () => {
    const route = aResource({
      type: 'TrafficRoute',
      name: 'api',
      sources: [{ match: { 'kuma.io/service': '*' } }],
      destinations: [{ match: { 'kuma.io/service': 'api' } }],
      conf: { destination: { 'kuma.io/service': 'api-next' } },
    });
    await put(route);
    clock.advance(3);
    sets.length = 0;
    await put(aDataplane({ name: 'next', service: 'api-next', address: '10.0.4.1' }));
    clock.advance(3);
    expect(sets).toEqual(['default.web']);
    expect([...(cached.get('default.web')?.get(ENDPOINT)?.keys() ?? [])]).toEqual(['api-next']);
  });

  test('of liveness marks the endpoint, removes it, and brings it back', async () => {
    sync.setLiveness('default', 'api1', 'degraded');
    clock.advance(3);
    expect(apiEndpoints()).toEqual(['10.0.1.1?']);
    sync.setLiveness('default', 'api1', 'out');
    clock.advance(3);
    expect(apiEndpoints()).toEqual([]);
    sync.setLiveness('default', 'api1', 'serving');
    clock.advance(3);
    expect(apiEndpoints()).toEqual(['10.0.1.1']);
  });

  test('of liveness that says what was known wakes nobody', () => {
    sync.setLiveness('default', 'api1', 'serving');
    clock.advance(3);
    expect(sets).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('that makes a Dataplane anew forgets that its namesake had left', async () => {
    sync.setLiveness('default', 'api1', 'out');
    await remove(api1);
    await put(api1);
    clock.advance(3);
    expect(apiEndpoints()).toEqual(['10.0.1.1']);
  });

  test('that removes the Dataplane of a connected proxy leaves it what it has', async () => {
    const before = cached.get('default.web');
    await remove(web);
    clock.advance(3);
    expect(cached.get('default.web')).toBe(before);
    await put(web, api2);
    clock.advance(3);
    expect(apiEndpoints()).toEqual(['10.0.1.1', '10.0.1.2']);
  });

  test('that cannot be read is logged and left out; the others of its batch count', async () => {
    const broken = { ...aDataplane({ name: 'broken', service: 'api' }), spec: { networking: null } };
    await put(broken, api2);
    clock.advance(3);
    expect(apiEndpoints()).toEqual(['10.0.1.1', '10.0.1.2']);
    expect(logged.join()).toContain('"name":"broken"');
  });

  test('that breaks one proxy leaves it its last good configuration, and the others go on', async () => {
    const before = cached.get('default.other');
    const spec = { networking: { address: '10.0.0.2', outbound: [null] } };
    await put({ ...other, spec }, api2);
    clock.advance(3);
    expect(cached.get('default.other')).toBe(before);
    expect(apiEndpoints()).toEqual(['10.0.1.1', '10.0.1.2']);
    expect(logged.join()).toContain('"dataplane":"other"');
    await put(
      aDataplane({ name: 'other', address: '10.0.0.2', service: 'other', outbound: { 9100: 'api' } }),
    );
    clock.advance(3);
    expect(apiEndpoints('default.other')).toEqual(['10.0.1.1', '10.0.1.2']);
  });

  test('of problems is logged once', async () => {
    const clash = [
      { port: 9000, tags: { 'kuma.io/service': 'api' } },
      { port: 9000, tags: { 'kuma.io/service': 'db' } },
    ];
    const spec = {
      networking: { address: '10.0.0.1', outbound: clash, gateway: { tags: { 'kuma.io/service': 'edge' } } },
    };
    await put({ ...web, spec });
    clock.advance(3);
    await put(api2);
    clock.advance(3);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain('127.0.0.1:9000 is taken');
  });

  test('after stop reaches nobody', async () => {
    sync.stop();
    await put(api2);
    clock.advance(3);
    expect(sets).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

test('what is committed while the store is being read is not lost', async () => {
  const started = sync.start();
  await put(api2);
  await remove(api1);
  await started;
  await connect('web');
  expect(apiEndpoints()).toEqual(['10.0.1.2']);
  expect(sync.snapshotOf('default')?.revision).toBe(await store.revision());
});

test('no half-read mesh is ever shown, however slow the store is', async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const list = store.list.bind(store);
  store.list = async (query) => {
    if (query.type === 'TrafficRoute') {
      reached.resolve();
      await gate.promise;
    }
    return list(query);
  };
  const started = sync.start();
  await reached.promise;
  sync.setLiveness('default', 'api1', 'degraded');
  await put(api2);
  clock.advance(100);
  expect(sync.snapshotOf('default')).toBeUndefined();
  gate.resolve();
  await started;
  expect(sync.snapshotOf('default')?.dataplanes.size).toBe(4);
  await connect('web');
  expect(apiEndpoints()).toEqual(['10.0.1.1?', '10.0.1.2']);
});

test('a store that cannot be read fails the start, and those who connect are told', async () => {
  store.list = () => Promise.reject(new Error('disk is gone'));
  await expect(connect('web')).rejects.toThrow('disk is gone');
});

test('a mesh that is deleted and made anew serves its proxies again', async () => {
  await connect('web');
  await store.commit([
    { op: 'delete', key: web.key },
    { op: 'delete', key: aMesh().key },
  ]);
  clock.advance(3);
  expect(sync.snapshotOf('default')).toBeUndefined();
  await put(aMesh(), web, api2);
  clock.advance(3);
  expect(apiEndpoints()).toContain('10.0.1.2');
});

test('a change that takes long reaches one proxy after the other, the event loop gets its turns between them', async () => {
  const given: string[] = [];
  const others = ['w1', 'w2', 'w3'].map((name) => aDataplane({ name, outbound: { 9000: 'api' } }));
  await put(...others);
  let now = 0;
  const slow = createMeshSync({
    store,
    // Every look at the clock finds that a second has passed.
    clock: { ...clock, monotonic: () => (now += 1_000) },
    logger: silent,
    cache: { set: (nodeId) => void given.push(nodeId), delete() {} },
  });
  for (const { key } of others)
    await slow.connect({ mesh: 'default', name: key.name, nodeId: `default.${key.name}` });
  given.length = 0;
  await put(api2);
  clock.advance(3);
  expect(given).toEqual(['default.w1']);
  // Gone meanwhile: its turn is not waited for.
  slow.disconnect('default.w2');
  await new Promise((resolve) => setImmediate(resolve));
  expect(given).toEqual(['default.w1', 'default.w3']);
  slow.stop();
});
