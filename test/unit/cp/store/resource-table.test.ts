import { expect, test } from 'vitest';
import { ResourceTable } from '../../../../src/cp/store/resource-table.ts';
import type { Resource, ResourceKey } from '../../../../src/model/resource.ts';

const resource = (key: ResourceKey): Resource => ({
  key,
  labels: {},
  creationTime: '',
  modificationTime: '',
  revision: 1,
  spec: {},
});
const mesh = { type: 'Mesh', mesh: '', name: 'm' };
const dataplane = { type: 'Dataplane', mesh: 'm', name: 'x' };

test('a list is the same object until its type changes, so that readers can tell', () => {
  const table = new ResourceTable();
  table.put({ resource: resource(mesh) });
  const before = table.list({ type: 'Mesh' });
  table.put({ resource: resource(dataplane), owner: mesh });
  expect(table.list({ type: 'Mesh' })).toBe(before);
  table.put({ resource: resource({ ...mesh, name: 'n' }) });
  expect(table.list({ type: 'Mesh' })).not.toBe(before);
});

test('a resource that changes its owner leaves the one before', () => {
  const table = new ResourceTable();
  const other = { ...mesh, name: 'other' };
  table.put({ resource: resource(dataplane), owner: mesh });
  table.put({ resource: resource(dataplane), owner: other });
  expect([table.ownedBy(mesh), table.ownedBy(other)]).toEqual([[], [dataplane]]);
  expect(table.size).toBe(1);
});

test('names with odd characters do not run into each other', () => {
  const table = new ResourceTable();
  table.put({ resource: resource({ type: 'T', mesh: 'a', name: 'b/c' }) });
  expect(table.get({ type: 'T', mesh: 'a/b', name: 'c' })).toBeUndefined();
});
