import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Committed, Mutation, Store } from '../../../src/cp/store/store.ts';
import type { ResourceKey } from '../../../src/model/resource.ts';

/** A fresh, empty store; each test closes its own. `now` gives the time the store is to use, in ms. */
export type OpenStore = (now: () => number) => Promise<Store>;

export const meshKey = (name: string): ResourceKey => ({ type: 'Mesh', mesh: '', name });
export const dataplaneKey = (name: string, mesh = 'default'): ResourceKey => ({
  type: 'Dataplane',
  mesh,
  name,
});

export const create = (key: ResourceKey, spec: unknown = {}, owner?: ResourceKey): Mutation => ({
  op: 'create',
  write: { key, labels: {}, spec, ...(owner === undefined ? {} : { owner }) },
});
export const update = (key: ResourceKey, spec: unknown, expectedRevision?: number): Mutation => ({
  op: 'update',
  write: { key, labels: {}, spec },
  ...(expectedRevision === undefined ? {} : { expectedRevision }),
});
export const remove = (key: ResourceKey, expectedRevision?: number): Mutation => ({
  op: 'delete',
  key,
  ...(expectedRevision === undefined ? {} : { expectedRevision }),
});

/** What every engine promises; run unchanged against each. */
export function describeStore(name: string, open: OpenStore): void {
  describe(`${name} store`, () => {
    let store: Store;
    let now = 0;

    beforeEach(async () => {
      now = Date.parse('2026-01-02T03:04:05.678Z');
      store = await open(() => now);
    });
    afterEach(async () => {
      await store.close();
    });

    describe('reading and writing', () => {
      test('a new store is empty and at revision 0', async () => {
        expect(await store.revision()).toBe(0);
        expect(await store.get(meshKey('default'))).toBeUndefined();
        expect(await store.list({ type: 'Mesh' })).toEqual([]);
      });

      test('a created resource comes back with its labels, times and revision', async () => {
        const key = dataplaneKey('web-1');
        const write = {
          key,
          labels: { 'kuma.io/zone': 'east' },
          spec: { networking: { address: '10.0.0.1' } },
        };
        await store.commit([{ op: 'create', write }]);
        expect(await store.get(key)).toEqual({
          ...write,
          creationTime: '2026-01-02T03:04:05.678Z',
          modificationTime: '2026-01-02T03:04:05.678Z',
          revision: 1,
        });
      });

      test('an update replaces spec and labels and keeps the creation time', async () => {
        const key = dataplaneKey('web-1');
        await store.commit([{ op: 'create', write: { key, labels: { team: 'a' }, spec: { a: 1, b: 2 } } }]);
        now += 60_000;
        await store.commit([{ op: 'update', write: { key, labels: { tier: 'b' }, spec: { a: 3 } } }]);
        expect(await store.get(key)).toEqual({
          key,
          labels: { tier: 'b' },
          spec: { a: 3 },
          creationTime: '2026-01-02T03:04:05.678Z',
          modificationTime: '2026-01-02T03:05:05.678Z',
          revision: 2,
        });
      });

      test('a deleted resource is gone and its name is free again', async () => {
        await store.commit([create(meshKey('a'), { v: 1 })]);
        await store.commit([remove(meshKey('a'))]);
        expect(await store.get(meshKey('a'))).toBeUndefined();
        await store.commit([create(meshKey('a'), { v: 2 })]);
        expect((await store.get(meshKey('a')))?.spec).toEqual({ v: 2 });
      });

      test('equal names in other meshes and types are other resources', async () => {
        const route = { type: 'TrafficRoute', mesh: 'default', name: 'x' };
        await store.commit([
          create(dataplaneKey('x', 'default')),
          create(dataplaneKey('x', 'other')),
          create(route),
        ]);
        await store.commit([remove(dataplaneKey('x', 'default'))]);
        expect(await store.get(dataplaneKey('x', 'other'))).toBeDefined();
        expect(await store.get(route)).toBeDefined();
      });

      test('changing the written object afterwards does not change what is stored', async () => {
        const spec = { tags: { version: 'v1' } };
        await store.commit([create(meshKey('a'), spec)]);
        spec.tags.version = 'v2';
        expect((await store.get(meshKey('a')))?.spec).toEqual({ tags: { version: 'v1' } });
      });

      test('what the store hands out can not be changed', async () => {
        await store.commit([create(meshKey('a'), { tags: { version: 'v1' } })]);
        const spec = (await store.get(meshKey('a')))?.spec as { tags: { version: string } };
        expect(() => {
          spec.tags.version = 'v2';
        }).toThrow(TypeError);
      });

      test('odd but legal JSON survives', async () => {
        const spec = { '': [null, true, -0.5, 1e21, '\u0000 " \u2028 😀'], nested: [[{}], []], __proto: 1 };
        await store.commit([create(meshKey('a'), spec)]);
        expect((await store.get(meshKey('a')))?.spec).toEqual(spec);
      });

      test('a spec that is no JSON value is refused and changes nothing', async () => {
        await expect(store.commit([create(meshKey('a')), create(meshKey('b'), () => 1)])).rejects.toThrow(
          TypeError,
        );
        await expect(store.commit([create(meshKey('a'), 1n)])).rejects.toThrow(TypeError);
        expect(await store.revision()).toBe(0);
      });
    });

    describe('lists', () => {
      test('are sorted by mesh, then name, by code points', async () => {
        const names = ['b', 'a', 'B', 'a-10', 'a-9', 'aa', '\uffee', '😀'];
        await store.commit(names.map((n) => create(dataplaneKey(n, 'm2'))));
        await store.commit([create(dataplaneKey('z', 'm1')), create(dataplaneKey('c', 'm10'))]);
        const all = await store.list({ type: 'Dataplane' });
        expect(all.map(({ key }) => `${key.mesh}/${key.name}`)).toEqual([
          'm1/z',
          'm10/c',
          ...['B', 'a', 'a-10', 'a-9', 'aa', 'b', '\uffee', '😀'].map((n) => `m2/${n}`),
        ]);
      });

      test('of one mesh hold nothing of another', async () => {
        await store.commit([
          create(dataplaneKey('x', 'a')),
          create(dataplaneKey('y', 'b')),
          create(meshKey('a')),
        ]);
        expect((await store.list({ type: 'Dataplane', mesh: 'a' })).map(({ key }) => key.name)).toEqual([
          'x',
        ]);
        expect(await store.list({ type: 'Dataplane', mesh: 'c' })).toEqual([]);
      });

      test('that were handed out do not change with later writes', async () => {
        await store.commit([create(meshKey('a')), create(meshKey('b'))]);
        const before = await store.list({ type: 'Mesh' });
        await store.commit([remove(meshKey('a')), create(meshKey('c'))]);
        expect(before.map(({ key }) => key.name)).toEqual(['a', 'b']);
        expect((await store.list({ type: 'Mesh' })).map(({ key }) => key.name)).toEqual(['b', 'c']);
      });
    });

    describe('batches', () => {
      test('take one revision for all they write', async () => {
        const committed = await store.commit([create(meshKey('a')), create(meshKey('b'))]);
        expect(committed.revision).toBe(1);
        expect((await store.list({ type: 'Mesh' })).map(({ revision }) => revision)).toEqual([1, 1]);
        expect(await store.revision()).toBe(1);
      });

      test('say what was before and after', async () => {
        await store.commit([create(meshKey('a'), { v: 1 }), create(meshKey('b'), { v: 1 })]);
        const { changes } = await store.commit([
          update(meshKey('a'), { v: 2 }),
          remove(meshKey('b')),
          create(meshKey('c')),
        ]);
        expect(
          changes.map(({ op, key, before, after }) => [op, key.name, before?.spec, after?.spec]),
        ).toEqual([
          ['update', 'a', { v: 1 }, { v: 2 }],
          ['delete', 'b', { v: 1 }, undefined],
          ['create', 'c', undefined, {}],
        ]);
        expect(changes[1]).not.toHaveProperty('after');
        expect(changes[2]).not.toHaveProperty('before');
      });

      test.each([
        ['a taken name', 'already-exists', create(meshKey('taken'))],
        ['an update of something absent', 'not-found', update(meshKey('absent'), {})],
        ['a deletion of something absent', 'not-found', remove(meshKey('absent'))],
        ['a stale update', 'conflict', update(meshKey('taken'), {}, 7)],
        ['a stale deletion', 'conflict', remove(meshKey('taken'), 7)],
        ['an owner that does not exist', 'not-found', create(dataplaneKey('x'), {}, meshKey('absent'))],
      ])('with %s fail as a whole with %s', async (_what, code, bad) => {
        await store.commit([create(meshKey('taken'), { v: 1 })]);
        const seen: Committed[] = [];
        store.subscribe((batch) => seen.push(batch));
        const batch = [create(meshKey('new')), update(meshKey('taken'), { v: 2 }), bad];
        await expect(store.commit(batch)).rejects.toMatchObject({ code, name: 'StoreError' });
        expect(await store.get(meshKey('new'))).toBeUndefined();
        expect((await store.get(meshKey('taken')))?.spec).toEqual({ v: 1 });
        expect(await store.revision()).toBe(1);
        expect(seen).toEqual([]);
        expect((await store.commit([create(meshKey('new'))])).revision).toBe(2);
      });

      test('see their own earlier steps', async () => {
        const { changes } = await store.commit([
          create(meshKey('a'), { v: 1 }),
          update(meshKey('a'), { v: 2 }),
          remove(meshKey('a')),
          create(meshKey('a'), { v: 3 }),
        ]);
        expect(changes.map(({ op }) => op)).toEqual(['create', 'update', 'delete', 'create']);
        expect((await store.get(meshKey('a')))?.spec).toEqual({ v: 3 });
        await expect(store.commit([create(meshKey('b')), create(meshKey('b'))])).rejects.toMatchObject({
          code: 'already-exists',
        });
      });

      test('without mutations take no revision and tell nobody', async () => {
        const seen: Committed[] = [];
        store.subscribe((batch) => seen.push(batch));
        expect(await store.commit([])).toEqual({ revision: 0, changes: [] });
        expect(seen).toEqual([]);
      });
    });

    describe('revisions', () => {
      test('decide who wins when two update the same resource', async () => {
        await store.commit([create(meshKey('a'), { v: 0 })]);
        const results = await Promise.allSettled([
          store.commit([update(meshKey('a'), { v: 1 }, 1)]),
          store.commit([update(meshKey('a'), { v: 2 }, 1)]),
        ]);
        expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
        expect((await store.get(meshKey('a')))?.revision).toBe(2);
      });

      test('go on after everything was deleted', async () => {
        await store.commit([create(meshKey('a'))]);
        await store.commit([remove(meshKey('a'))]);
        expect(await store.revision()).toBe(2);
        expect((await store.commit([create(meshKey('a'))])).revision).toBe(3);
      });

      test('of untouched resources stay', async () => {
        await store.commit([create(meshKey('a')), create(meshKey('b'))]);
        await store.commit([update(meshKey('b'), { v: 2 })]);
        expect((await store.get(meshKey('a')))?.revision).toBe(1);
      });

      test('name the resource and both numbers in a conflict', async () => {
        await store.commit([create(dataplaneKey('web-1'))]);
        await expect(store.commit([update(dataplaneKey('web-1'), {}, 9)])).rejects.toThrow(
          'Dataplane "web-1" in mesh "default" was changed meanwhile: expected revision 9, found 1',
        );
      });
    });

    describe('owners', () => {
      const insight = { type: 'DataplaneInsight', mesh: 'm', name: 'x' };

      test('take what they own with them, in the same batch, all levels deep', async () => {
        await store.commit([
          create(meshKey('m')),
          create(meshKey('other')),
          create(dataplaneKey('x', 'm'), {}, meshKey('m')),
          create(dataplaneKey('y', 'other'), {}, meshKey('other')),
          create(insight, {}, dataplaneKey('x', 'm')),
        ]);
        const { changes, revision } = await store.commit([remove(meshKey('m'))]);
        expect(revision).toBe(2);
        expect(changes.map(({ op, key }) => `${op} ${key.type} ${key.name}`)).toEqual([
          'delete Mesh m',
          'delete Dataplane x',
          'delete DataplaneInsight x',
        ]);
        expect(await store.get(insight)).toBeUndefined();
        expect(await store.get(dataplaneKey('y', 'other'))).toBeDefined();
      });

      test('are kept by an update that names none', async () => {
        await store.commit([create(meshKey('m')), create(dataplaneKey('x', 'm'), {}, meshKey('m'))]);
        await store.commit([update(dataplaneKey('x', 'm'), { v: 2 })]);
        await store.commit([remove(meshKey('m'))]);
        expect(await store.get(dataplaneKey('x', 'm'))).toBeUndefined();
      });

      test('that come back do not own what went with them', async () => {
        await store.commit([create(meshKey('m')), create(dataplaneKey('x', 'm'), {}, meshKey('m'))]);
        await store.commit([
          remove(meshKey('m')),
          create(meshKey('m')),
          create(dataplaneKey('x', 'm'), { v: 2 }),
        ]);
        await store.commit([remove(meshKey('m'))]);
        expect((await store.get(dataplaneKey('x', 'm')))?.spec).toEqual({ v: 2 });
      });

      test('own what the same batch created', async () => {
        await store.commit([
          create(meshKey('m')),
          create(dataplaneKey('x', 'm'), {}, meshKey('m')),
          remove(meshKey('m')),
        ]);
        expect(await store.get(dataplaneKey('x', 'm'))).toBeUndefined();
      });
    });

    describe('subscriptions', () => {
      test('get every batch once, in order, before its commit is acknowledged', async () => {
        const seen: number[] = [];
        store.subscribe(({ revision }) => seen.push(revision));
        for (let i = 1; i <= 5; i++) {
          await store.commit([create(meshKey(`m${i}`))]);
          expect(seen).toEqual(Array.from({ length: i }, (_, n) => n + 1));
        }
      });

      test('see the batch as committed already', async () => {
        const found: Promise<unknown>[] = [];
        store.subscribe(() => found.push(store.get(meshKey('a'))));
        await store.commit([create(meshKey('a'))]);
        expect(await found[0]).toBeDefined();
      });

      test('end when they are told to, also in the middle of a round', async () => {
        const seen: string[] = [];
        store.subscribe(() => {
          seen.push('first');
          endSecond();
        });
        const endSecond = store.subscribe(() => seen.push('second'));
        await store.commit([create(meshKey('a'))]);
        expect(seen).toEqual(['first']);
      });

      test('stay in order when a listener writes itself', async () => {
        const seen: number[] = [];
        let nested: Promise<Committed> | undefined;
        store.subscribe(() => {
          nested ??= store.commit([create(meshKey('nested'))]);
        });
        store.subscribe(({ revision }) => seen.push(revision));
        await store.commit([create(meshKey('a'))]);
        expect((await nested)?.revision).toBe(2);
        expect(seen).toEqual([1, 2]);
      });

      test('that fail neither fail the commit nor keep others from it', async () => {
        const seen: number[] = [];
        store.subscribe(() => {
          throw new Error('listener bug');
        });
        store.subscribe(({ revision }) => seen.push(revision));
        expect((await store.commit([create(meshKey('a'))])).revision).toBe(1);
        expect(seen).toEqual([1]);
      });
    });

    test('hundreds of concurrent commits each take their own revision', async () => {
      const seen: number[] = [];
      store.subscribe(({ revision }) => seen.push(revision));
      await store.commit([create(meshKey('m'))]);
      await Promise.all(
        Array.from({ length: 300 }, (_, i) =>
          store.commit([create(dataplaneKey(`dp-${i}`, 'm'), { i }, meshKey('m'))]),
        ),
      );
      expect(seen).toEqual(Array.from({ length: 301 }, (_, i) => i + 1));
      expect(await store.list({ type: 'Dataplane', mesh: 'm' })).toHaveLength(300);
      expect((await store.commit([remove(meshKey('m'))])).changes).toHaveLength(301);
    });

    test('a closed store says so and may be closed again', async () => {
      await store.close();
      await store.close();
      await expect(store.get(meshKey('a'))).rejects.toMatchObject({ code: 'unavailable' });
      await expect(store.commit([create(meshKey('a'))])).rejects.toMatchObject({ code: 'unavailable' });
    });
  });
}
