import { expect, test } from 'vitest';
import { compareKeys, describeKey } from '../../../../src/cp/store/keys.ts';

const key = (type: string, mesh: string, name: string) => ({ type, mesh, name });

test('keys sort by type, then mesh, then name, by code points', () => {
  const sorted = [
    key('A', '', 'z'),
    key('B', 'a', 'b'),
    key('B', 'a', 'b-1'),
    key('B', 'b', 'a'),
    key('B', 'b', '\uffee'),
    key('B', 'b', '😀'),
  ];
  expect([...sorted].reverse().sort(compareKeys)).toEqual(sorted);
  expect(compareKeys(key('A', 'a', 'a'), key('A', 'a', 'a'))).toBe(0);
});

test('messages name the mesh only where there is one', () => {
  expect(describeKey(key('Mesh', '', 'm'))).toBe('Mesh "m"');
  expect(describeKey(key('Dataplane', 'm', 'x'))).toBe('Dataplane "x" in mesh "m"');
});
