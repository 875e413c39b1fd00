import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toOldTags, translateTags } from '../../../../src/model/dialect/tags.ts';

test('the three old names become those of today, others stay, the order stays', () => {
  const today = translateTags({
    app: 'bookinfo',
    service: 'ratings',
    protocol: 'http',
    zone: 'a',
    version: 'v1',
  });
  expect(Object.entries(today)).toEqual([
    ['app', 'bookinfo'],
    ['kuma.io/service', 'ratings'],
    ['kuma.io/protocol', 'http'],
    ['kuma.io/zone', 'a'],
    ['version', 'v1'],
  ]);
});

test('a map with any kuma.io key is left alone, even if it has old names beside it', () => {
  const map = { 'kuma.io/service': 'a', service: 'b', zone: 'c' };
  expect(translateTags(map)).toBe(map);
});

test('the old view is the way back for every old map', () => {
  const name = fc.constantFrom('service', 'protocol', 'zone', 'app', 'version');
  fc.assert(
    fc.property(fc.dictionary(name, fc.string()), (old) => {
      expect(toOldTags(translateTags(old) as Record<string, string>)).toEqual({ ...old });
    }),
  );
});

test('a tag of today keeps its name in the old view when another tag has the old name already', () => {
  expect(toOldTags({ 'kuma.io/service': 'a', service: 'b', 'kuma.io/zone': 'z' })).toEqual({
    'kuma.io/service': 'a',
    service: 'b',
    zone: 'z',
  });
});
