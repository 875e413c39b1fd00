import { describe, expect, test } from 'vitest';
import { differenceOf } from '../../../../src/cp/mesh/difference.ts';
import { aDataplane, step } from '../../../support/mesh-fixture.ts';

const a1 = aDataplane({ name: 'a1', service: 'a' });
const b1 = aDataplane({ name: 'b1', service: 'b', address: '10.0.0.2' });

describe('the difference of two snapshots', () => {
  test('names what joined and its service, nothing else', () => {
    const before = step(undefined, { put: [a1] });
    const difference = differenceOf(before, step(before, { put: [b1] }));
    expect(difference).toEqual({
      mesh: false,
      dataplanes: new Set(['b1']),
      services: new Set(['b']),
      policies: new Set(),
    });
  });

  test('names what left', () => {
    const before = step(undefined, { put: [a1, b1] });
    const { dataplanes, services } = differenceOf(before, step(before, { remove: [b1] }));
    expect([...dataplanes, ...services]).toEqual(['b1', 'b']);
  });

  test('is empty where a not-ready member changes and the endpoints do not', () => {
    const before = step(undefined, { put: [a1, b1], liveness: { b1: 'out' } });
    const moved = aDataplane({ name: 'b1', service: 'b', address: '10.0.0.7' });
    const after = step(before, { put: [moved], liveness: { b1: 'out' } });
    expect(differenceOf(before, after).services).toEqual(new Set());
  });
});
