import { expect, test } from 'vitest';
import {
  findTypeByName,
  findTypeByPlural,
  findTypeByWord,
  resourceTypes,
} from '../../../src/model/registry.ts';

test.each([
  ['mesh', 'Mesh'],
  ['meshes', 'Mesh'],
  ['dataplane', 'Dataplane'],
  ['dataplanes', 'Dataplane'],
  ['dp', 'Dataplane'],
  ['traffic-route', 'TrafficRoute'],
  ['traffic-routes', 'TrafficRoute'],
])('kumactl knows %s as %s', (word, name) => {
  expect(findTypeByWord(word)?.name).toBe(name);
});

test('every type is found by its name and path, and nothing by another word', () => {
  for (const type of resourceTypes) {
    expect(findTypeByName(type.name)).toBe(type);
    expect(findTypeByPlural(type.plural)).toBe(type);
  }
  for (const word of ['', 'dataplane', 'toString', '__proto__']) {
    expect(findTypeByName(word)).toBeUndefined();
    expect(findTypeByPlural(word)).toBeUndefined();
  }
});

test('types are sorted by name, insights are read-only, policies have a name for people', () => {
  const names = resourceTypes.map((type) => type.name);
  expect(names).toEqual([...names].sort());
  expect(resourceTypes.filter((type) => type.readOnly).map((type) => type.name)).toEqual([
    'DataplaneInsight',
  ]);
  expect(resourceTypes.filter((type) => type.isPolicy).map((type) => type.display?.plural)).toEqual([
    'Traffic Routes',
  ]);
});
