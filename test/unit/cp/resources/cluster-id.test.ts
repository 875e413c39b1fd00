import { expect, test } from 'vitest';
import { ensureClusterId } from '../../../../src/cp/resources/cluster-id.ts';
import { createMemoryStore } from '../../../../src/cp/store/memory/memory-store.ts';

test('the id of a cluster is made once and read from then on', async () => {
  const store = createMemoryStore();
  expect(await ensureClusterId(store, () => 'first')).toBe('first');
  expect(await ensureClusterId(store, () => 'second')).toBe('first');
});

test('of two control planes that start together on one store, both take the id of the one that was first', async () => {
  const store = createMemoryStore();
  const late = { ...store, get: store.get.bind(store), commit: store.commit.bind(store) };
  let reads = 0;
  // The second looks before the first has written.
  late.get = async (key) => (reads++ === 0 ? undefined : store.get(key));
  await ensureClusterId(store, () => 'first');
  expect(await ensureClusterId(late, () => 'second')).toBe('first');
});
