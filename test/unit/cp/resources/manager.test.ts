import { describe, expect, test } from 'vitest';
import { ensureDefaultMesh } from '../../../../src/cp/resources/defaults.ts';
import {
  createResourceManager,
  type ManagerOptions,
  type ResourceManager,
} from '../../../../src/cp/resources/manager.ts';
import { StoreError } from '../../../../src/cp/store/errors.ts';
import { createMemoryStore } from '../../../../src/cp/store/memory/memory-store.ts';
import type { Committed, Store } from '../../../../src/cp/store/store.ts';
import type { JsonObject } from '../../../../src/lib/json.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';

function managerOver(store: Store, options: Partial<ManagerOptions> = {}): ResourceManager {
  return createResourceManager({
    store,
    logger: silentLogger,
    zone: 'default',
    advise: async () => [],
    ...options,
  });
}

async function withMesh(
  store = createMemoryStore(),
  options: Partial<ManagerOptions> = {},
): Promise<ResourceManager> {
  const manager = managerOver(store, options);
  await put(manager, { type: 'Mesh', name: 'bookinfo' });
  return manager;
}

const DATAPLANE = {
  type: 'Dataplane',
  mesh: 'bookinfo',
  name: 'ratings-v1',
  networking: {
    address: '10.0.0.1',
    inbound: [{ port: 10001, servicePort: 10000, tags: { 'kuma.io/service': 'ratings' } }],
  },
};
const DATAPLANE_KEY = { type: 'Dataplane', mesh: 'bookinfo', name: 'ratings-v1' };
const MESH_KEY = { type: 'Mesh', mesh: '', name: 'bookinfo' };

function put(manager: ResourceManager, body: JsonObject) {
  const { type, mesh, name } = body as { type: string; mesh?: string; name: string };
  return manager.put({ body, expected: { type, name, ...(mesh === undefined ? {} : { mesh }) } });
}

describe('what is stored', () => {
  test('a Dataplane gets the labels and the zone tag that 2.14 adds', async () => {
    const manager = await withMesh();
    expect((await put(manager, { ...DATAPLANE, labels: { team: 'a' } })).kind).toBe('created');
    const stored = await manager.get(DATAPLANE_KEY);
    expect(stored?.labels).toEqual({
      'kuma.io/env': 'universal',
      'kuma.io/mesh': 'bookinfo',
      'kuma.io/origin': 'zone',
      'kuma.io/proxy-type': 'sidecar',
      'kuma.io/zone': 'default',
      team: 'a',
    });
    expect(stored?.spec).toMatchObject({
      networking: { inbound: [{ tags: { 'kuma.io/service': 'ratings', 'kuma.io/zone': 'default' } }] },
    });
  });

  test('an older policy gets the label of its mesh only, a mesh none', async () => {
    const manager = await withMesh();
    const match = { match: { 'kuma.io/service': '*' } };
    const conf = { destination: { 'kuma.io/service': 'ratings' } };
    await put(manager, {
      type: 'TrafficRoute',
      mesh: 'bookinfo',
      name: 'r',
      sources: [match],
      destinations: [match],
      conf,
    });
    expect((await manager.get({ type: 'TrafficRoute', mesh: 'bookinfo', name: 'r' }))?.labels).toEqual({
      'kuma.io/mesh': 'bookinfo',
    });
    expect((await manager.get(MESH_KEY))?.labels).toEqual({});
  });

  test.each([
    ['DELEGATED', 'sidecar'],
    ['BUILTIN', 'gateway'],
  ])('a %s gateway carries the zone and counts as %s', async (type, proxyType) => {
    const manager = await withMesh();
    const gateway = { type, tags: { 'kuma.io/service': 'edge' } };
    const outcome = await put(manager, { ...DATAPLANE, networking: { address: '10.0.0.1', gateway } });
    expect(outcome).toMatchObject({
      kind: 'created',
      resource: {
        labels: { 'kuma.io/proxy-type': proxyType },
        spec: { networking: { gateway: { tags: { 'kuma.io/zone': 'default' } } } },
      },
    });
  });

  test('another zone in a tag is replaced and said', async () => {
    const manager = await withMesh();
    const inbound = [{ port: 10001, tags: { 'kuma.io/service': 'ratings', 'kuma.io/zone': 'east' } }];
    const outcome = await put(manager, { ...DATAPLANE, networking: { address: '10.0.0.1', inbound } });
    expect(outcome).toMatchObject({
      warnings: [expect.stringContaining('"east" was replaced by "default"')],
    });
  });

  test('the old dialect comes back in the shape of today', async () => {
    const manager = await withMesh();
    const outcome = await put(manager, {
      ...DATAPLANE,
      networking: { inbound: [{ interface: '10.0.0.1:10001:10000', tags: { service: 'ratings' } }] },
    });
    expect(outcome).toMatchObject({
      kind: 'created',
      resource: {
        spec: {
          networking: {
            address: '10.0.0.1',
            inbound: [{ port: 10001, servicePort: 10000, tags: { 'kuma.io/service': 'ratings' } }],
          },
        },
      },
    });
  });
});

describe('a document', () => {
  test('that says something else than its URL is refused with every difference', async () => {
    const manager = await withMesh();
    const outcome = await manager.put({
      body: DATAPLANE,
      expected: { type: 'Mesh', mesh: 'other', name: 'other' },
    });
    expect(outcome).toEqual({
      kind: 'invalid',
      violations: [
        { field: 'type', message: 'type from the URL has to be the same as in body' },
        { field: 'mesh', message: 'mesh from the URL has to be the same as in body' },
        { field: 'name', message: 'name from the URL has to be the same as in body' },
      ],
    });
  });

  test('of a mesh that does not exist is not stored', async () => {
    const manager = managerOver(createMemoryStore());
    expect(await put(manager, DATAPLANE)).toEqual({ kind: 'not-found', what: 'mesh', name: 'bookinfo' });
    expect(await manager.list({ type: 'Dataplane' })).toEqual([]);
  });

  test('that changes nothing writes nothing', async () => {
    const store = createMemoryStore();
    const manager = await withMesh(store);
    await put(manager, DATAPLANE);
    const before = await store.revision();
    expect((await put(manager, DATAPLANE)).kind).toBe('updated');
    expect(await store.revision()).toBe(before);
    await put(manager, { ...DATAPLANE, labels: { team: 'a' } });
    expect(await store.revision()).toBe(before + 1);
  });

  test('that contradicts a fixed label is refused and leaves the stored one as it was', async () => {
    const manager = await withMesh();
    await put(manager, DATAPLANE);
    const outcome = await put(manager, { ...DATAPLANE, labels: { 'kuma.io/origin': 'global' } });
    expect(outcome).toMatchObject({ kind: 'invalid', violations: [{ field: 'labels["kuma.io/origin"]' }] });
    expect((await manager.get(DATAPLANE_KEY))?.labels).toMatchObject({ 'kuma.io/origin': 'zone' });
  });
});

describe('deleting', () => {
  test('a mesh is refused while it has data plane proxies and takes its policies along afterwards', async () => {
    const manager = await withMesh();
    await put(manager, DATAPLANE);
    const match = { match: { 'kuma.io/service': '*' } };
    const conf = { destination: { 'kuma.io/service': 'ratings' } };
    await put(manager, {
      type: 'TrafficRoute',
      mesh: 'bookinfo',
      name: 'r',
      sources: [match],
      destinations: [match],
      conf,
    });
    expect(await manager.delete(MESH_KEY)).toEqual({
      kind: 'invalid',
      violations: [
        { field: 'mesh', message: 'unable to delete mesh, there are still some dataplanes attached' },
      ],
    });
    expect(await manager.delete(DATAPLANE_KEY)).toEqual({ kind: 'deleted' });
    expect(await manager.delete(MESH_KEY)).toEqual({ kind: 'deleted' });
    expect(await manager.list({ type: 'TrafficRoute' })).toEqual([]);
  });

  test('what is absent says so', async () => {
    expect(await managerOver(createMemoryStore()).delete(MESH_KEY)).toEqual({ kind: 'not-found' });
  });

  test('a mesh and creating in it at the same time never leaves an orphan', async () => {
    const manager = await withMesh();
    const [created, deleted] = await Promise.all([put(manager, DATAPLANE), manager.delete(MESH_KEY)]);
    expect([created.kind, deleted.kind]).toEqual(['created', 'invalid']);
  });
});

describe('races with another control plane', () => {
  /** Fails the first commits of each kind as a store does whose rows another process changed. */
  function contested(times: number, code: 'conflict' | 'already-exists' | 'unavailable'): Store {
    const store = createMemoryStore();
    let left = times;
    const commit = async (mutations: Parameters<Store['commit']>[0]): Promise<Committed> => {
      if (left-- > 0) throw new StoreError(code, 'somebody was faster');
      return store.commit(mutations);
    };
    return { ...bindAll(store), commit };
  }

  test('are tried again without the caller noticing', async () => {
    const manager = managerOver(contested(3, 'conflict'));
    expect((await put(manager, { type: 'Mesh', name: 'bookinfo' })).kind).toBe('created');
  });

  test('that never end are told as a conflict', async () => {
    const manager = managerOver(contested(1000, 'already-exists'));
    expect(await put(manager, { type: 'Mesh', name: 'bookinfo' })).toEqual({ kind: 'conflict' });
  });

  test('are told apart from a store that is broken', async () => {
    const manager = managerOver(contested(1, 'unavailable'));
    await expect(put(manager, { type: 'Mesh', name: 'bookinfo' })).rejects.toThrow('somebody was faster');
    expect((await put(manager, { type: 'Mesh', name: 'bookinfo' })).kind).toBe('created');
  });
});

describe('advice', () => {
  test('comes with the warnings of the document itself', async () => {
    const manager = await withMesh(createMemoryStore(), { advise: async () => ['mind the gap'] });
    const outcome = await put(manager, { ...DATAPLANE, colour: 'red' });
    expect(outcome).toMatchObject({
      kind: 'created',
      warnings: [expect.stringContaining('colour'), 'mind the gap'],
    });
  });

  test('that fails does not fail what is stored', async () => {
    const manager = await withMesh(createMemoryStore(), { advise: () => Promise.reject(new Error('no')) });
    expect(await put(manager, DATAPLANE)).toMatchObject({ kind: 'created', warnings: [] });
  });

  test('is not asked for when nobody would read it', async () => {
    const manager = await withMesh(createMemoryStore(), { advise: async () => ['mind the gap'] });
    const outcome = await manager.put({ body: DATAPLANE, expected: DATAPLANE_KEY, advise: false });
    expect(outcome).toMatchObject({ kind: 'created', warnings: [] });
  });
});

describe('what the control plane observes', () => {
  const insight = {
    key: { ...DATAPLANE_KEY, type: 'DataplaneInsight' },
    owner: DATAPLANE_KEY,
    spec: { subscriptions: [] },
  };

  test('is written in one commit, without those whose Dataplane is gone', async () => {
    const store = createMemoryStore();
    const manager = await withMesh(store);
    await put(manager, DATAPLANE);
    const before = await store.revision();
    const gone = {
      ...insight,
      key: { ...insight.key, name: 'gone' },
      owner: { ...DATAPLANE_KEY, name: 'gone' },
    };
    expect(await manager.writeOwned([gone, insight])).toBe(1);
    expect(await manager.writeOwned([insight])).toBe(0);
    expect(await store.revision()).toBe(before + 1);
  });

  test('goes with the Dataplane', async () => {
    const manager = await withMesh();
    await put(manager, DATAPLANE);
    await manager.writeOwned([insight]);
    await manager.delete(DATAPLANE_KEY);
    expect(await manager.get(insight.key)).toBeUndefined();
  });
});

describe('the mesh "default"', () => {
  const key = { type: 'Mesh', mesh: '', name: 'default' };

  test('is made when there is none and left alone when there is', async () => {
    const store = createMemoryStore();
    const manager = managerOver(store);
    await ensureDefaultMesh(manager);
    const made = await manager.get(key);
    await ensureDefaultMesh(manager, { mtls: { enabled: false }, labels: { a: 'b' } });
    expect(made).toBeDefined();
    expect(await manager.get(key)).toEqual(made);
  });

  test('that is configured wrongly stops the start with the reason', async () => {
    await expect(ensureDefaultMesh(managerOver(createMemoryStore()), { labels: 7 })).rejects.toThrow(
      /mesh "default" could not be created: labels/,
    );
  });
});

function bindAll(store: Store): Store {
  return {
    revision: () => store.revision(),
    get: (key) => store.get(key),
    list: (query) => store.list(query),
    commit: (mutations) => store.commit(mutations),
    subscribe: (listener) => store.subscribe(listener),
    close: () => store.close(),
  };
}
