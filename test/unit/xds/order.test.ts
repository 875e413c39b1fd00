import { expect, test } from 'vitest';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../../src/envoy/type-urls.ts';
import { stepsFor } from '../../../src/xds/order.ts';

const shown = (types: string[]) =>
  stepsFor(types).map(
    ({ typeUrl, updates, removals }) =>
      `${updates ? '+' : ''}${removals ? '-' : ''}${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)}`,
  );

test('what is referred to is sent first and removed last; listeners do both at once', () => {
  expect(shown([ROUTE, LISTENER, SECRET, ENDPOINT, CLUSTER])).toEqual([
    '+Cluster',
    '+ClusterLoadAssignment',
    '+Secret',
    '+-Listener',
    '+RouteConfiguration',
    '-Cluster',
    '-ClusterLoadAssignment',
    '-RouteConfiguration',
    '-Secret',
  ]);
});

test('a type without a place of its own comes after the known ones', () => {
  expect(shown(['x.Runtime', CLUSTER])).toEqual(['+Cluster', '+Runtime', '-Cluster', '-Runtime']);
});
