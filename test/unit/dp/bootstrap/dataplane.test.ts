import { expect, test } from 'vitest';
import { withDataplane, withoutDataplane } from '../../../../src/dp/bootstrap/dataplane.ts';

const bootstrap = (resource: string) => ({
  node: { id: 'default.web', cluster: 'web', metadata: { 'dataplane.resource': resource, workdir: '/run' } },
  admin: {},
});

test('two bootstraps that differ in the brought Dataplane alone are the same without it', () => {
  expect(withoutDataplane(bootstrap('a'))).toEqual(withoutDataplane(bootstrap('b')));
  expect(withoutDataplane(bootstrap('a')).node).toEqual({
    id: 'default.web',
    cluster: 'web',
    metadata: { workdir: '/run' },
  });
});

test('the Dataplane of now can be put back, and a bootstrap without metadata stays as it is', () => {
  expect(withDataplane(withoutDataplane(bootstrap('a')), 'b')).toEqual(bootstrap('b'));
  expect(withDataplane({ node: { id: 'x' } }, 'b')).toEqual({ node: { id: 'x' } });
  expect(withoutDataplane({})).toEqual({});
});
