import { expect, test } from 'vitest';
import {
  defaultRunDir,
  describeTooLong,
  instanceName,
  instancePaths,
} from '../../../../src/dp/run-dir/paths.ts';

test('a short and harmless name is the name of the directory', () => {
  expect(instanceName('bookinfo', 'reviews-v1')).toBe('bookinfo.reviews-v1');
  expect(instanceName('default', 'pod.namespace')).toBe('default.pod.namespace');
});

test.each([
  ['a', '../../etc'],
  ['a', 'x/y'],
  ['.', '.'],
  ['', '-rf'],
  ['a', 'b\u0000c'],
  ['default', 'x'.repeat(200)],
  ['a.b', 'c'],
])('%j %j becomes a short harmless one that no other proxy has', (mesh, name) => {
  const result = instanceName(mesh, name);
  expect(result).toMatch(/^[A-Za-z0-9_-]*~[0-9a-f]{12}$/);
  expect(result.length).toBeLessThanOrEqual(32);
  expect(result).not.toBe(instanceName('a', 'b.c'));
});

test('a run directory too long for a socket is refused before anything is bound', () => {
  expect(describeTooLong(instancePaths('/run/kuma-dp', 'default', 'x'.repeat(200)))).toBeUndefined();
  expect(describeTooLong(instancePaths(`/${'d'.repeat(100)}`, 'default', 'a'))).toContain('too long');
});

test('the default is the runtime directory of the user', () => {
  expect(defaultRunDir({ XDG_RUNTIME_DIR: '/run/user/7' }, 0)).toBe('/run/kuma-dp');
  expect(defaultRunDir({ XDG_RUNTIME_DIR: '/run/user/7' }, 7)).toBe('/run/user/7/kuma-dp');
  expect(defaultRunDir({}, 7)).toBe('/tmp/kuma-dp-7');
  expect(defaultRunDir({ XDG_RUNTIME_DIR: 'relative' }, 7)).toBe('/tmp/kuma-dp-7');
});
