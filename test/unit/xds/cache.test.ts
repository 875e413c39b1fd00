import { expect, test } from 'vitest';
import { createSnapshotCache } from '../../../src/xds/cache.ts';
import { assignment, edsCluster, snapshotOf } from '../../support/xds-resources.ts';

function watched() {
  const cache = createSnapshotCache();
  let calls = 0;
  const stop = cache.watch('m.a', () => {
    calls += 1;
  });
  return { cache, stop, calls: () => calls };
}

test('a watcher hears of its node only', () => {
  const { cache, calls } = watched();
  cache.set('m.b', snapshotOf([]));
  expect(calls()).toBe(0);
  cache.set('m.a', snapshotOf([]));
  expect(calls()).toBe(1);
});

test('a snapshot made of the same type maps tells nobody', () => {
  const { cache, calls } = watched();
  const first = snapshotOf([edsCluster('a')]);
  cache.set('m.a', first);
  cache.set('m.a', snapshotOf([edsCluster('a')], first));
  expect(calls()).toBe(1);
  cache.set('m.a', snapshotOf([edsCluster('a'), assignment('a')], first));
  expect(calls()).toBe(2);
});

test('a watcher that left hears nothing, and leaving twice harms nobody', () => {
  const { cache, stop, calls } = watched();
  let other = 0;
  stop();
  cache.watch('m.a', () => {
    other += 1;
  });
  stop();
  cache.set('m.a', snapshotOf([]));
  expect([calls(), other]).toEqual([0, 1]);
});

test('a watcher may leave while it is told', () => {
  const cache = createSnapshotCache();
  const stop = cache.watch('m.a', () => stop());
  cache.set('m.a', snapshotOf([]));
  cache.set('m.a', snapshotOf([edsCluster('a')]));
});

test('a deleted node has no snapshot, and its watchers hear of the next one', () => {
  const { cache, calls } = watched();
  const snapshot = snapshotOf([]);
  cache.set('m.a', snapshot);
  cache.delete('m.a');
  expect(cache.get('m.a')).toBeUndefined();
  cache.set('m.a', snapshot);
  expect(calls()).toBe(2);
});
