import { expect, test } from 'vitest';
import { connectionLimit, envoyHeapBytes } from '../../../../src/dp/limits/heap.ts';

const MIB = 1024 ** 2;

test('Envoy gets what the agent leaves of the limit', () => {
  expect(envoyHeapBytes(512 * MIB)).toBe(448 * MIB);
});

test('of a tiny limit Envoy gets at least half', () => {
  expect(envoyHeapBytes(100 * MIB)).toBe(50 * MIB);
});

test('several Envoys of one agent share the limit, less what the agent needs for each', () => {
  expect(envoyHeapBytes(1024 * MIB, 6)).toBe(Math.floor((950 * MIB) / 6));
});

test('each connection has two descriptors, and some are left for the proxy itself', () => {
  expect(connectionLimit(1_048_576)).toBe(524_032);
  expect(connectionLimit(4_096)).toBe(1_792);
});

test('a tiny file limit still leaves room for some connections', () => {
  expect(connectionLimit(256)).toBe(256);
});
