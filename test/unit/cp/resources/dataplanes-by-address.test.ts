import { expect, test } from 'vitest';
import { DataplanesByAddress } from '../../../../src/cp/resources/dataplanes-by-address.ts';
import type { Committed, Store } from '../../../../src/cp/store/store.ts';
import type { Resource } from '../../../../src/model/resource.ts';
import { aDataplane } from '../../../support/mesh-fixture.ts';

/** A store with these Dataplanes, and a way to change them. */
function storeOf(...first: readonly Resource[]) {
  const listeners: ((batch: Committed) => void)[] = [];
  const listing = Promise.withResolvers<readonly Resource[]>();
  const store: Pick<Store, 'list' | 'subscribe'> = {
    list: () => listing.promise,
    subscribe: (listener) => {
      listeners.push(listener);
      return () => {};
    },
  };
  const change = (one: Resource, after?: Resource) => {
    const changes = [
      { op: 'update', key: one.key, ...(after && { after }) },
    ] as unknown as Committed['changes'];
    for (const listener of listeners) listener({ revision: 1, changes });
  };
  return { index: new DataplanesByAddress(store), change, answer: () => listing.resolve(first) };
}

const at = (name: string, address: string) => aDataplane({ name, address });
const names = (list: readonly Resource[]) => list.map(({ key }) => key.name);

test('only those on the same address are neighbours, the one that asks left out', async () => {
  const [a, b, c] = [at('a', '10.0.0.1'), at('b', '10.0.0.1'), at('c', '10.0.0.2')];
  const { index, answer } = storeOf(c, b, a);
  answer();
  expect(names(await index.neighboursOf(a))).toEqual(['b']);
  expect(names(await index.neighboursOf(at('new', '10.0.0.1')))).toEqual(['a', 'b']);
});

test('who moves, comes and goes is followed', async () => {
  const [a, b] = [at('a', '10.0.0.1'), at('b', '10.0.0.1')];
  const { index, change, answer } = storeOf(a, b);
  answer();
  await index.neighboursOf(a);
  change(b, at('b', '10.0.0.9'));
  expect(names(await index.neighboursOf(a))).toEqual([]);
  expect(names(await index.neighboursOf(at('new', '10.0.0.9')))).toEqual(['b']);
  change(b);
  expect(names(await index.neighboursOf(at('new', '10.0.0.9')))).toEqual([]);
});

test('what changes while the store is being read is not overwritten by what was read', async () => {
  const [a, b] = [at('a', '10.0.0.1'), at('b', '10.0.0.1')];
  const { index, change, answer } = storeOf(a, b);
  const asked = index.neighboursOf(a);
  change(b);
  answer();
  expect(names(await asked)).toEqual([]);
});
