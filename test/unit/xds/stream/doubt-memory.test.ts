import { expect, test } from 'vitest';
import { CLUSTER } from '../../../../src/envoy/type-urls.ts';
import { NO_DOUBTS } from '../../../../src/xds/machine.ts';
import { DoubtMemory } from '../../../../src/xds/stream/doubt-memory.ts';

const doubts = new Map([[CLUSTER, new Set(['a'])]]);

test('the next stream of a node hears once what the last one left unclear', () => {
  const memory = new DoubtMemory();
  memory.remember('m.a', doubts);
  memory.remember('m.a', NO_DOUBTS);
  expect(memory.take('m.b')).toBe(NO_DOUBTS);
  expect(memory.take('m.a')).toBe(doubts);
  expect(memory.take('m.a')).toBe(NO_DOUBTS);
});

test('of more nodes than it holds, the one that ended first is forgotten', () => {
  const memory = new DoubtMemory(2);
  for (const node of ['m.a', 'm.b', 'm.a', 'm.c']) memory.remember(node, doubts);
  expect(['m.a', 'm.b', 'm.c'].map((node) => memory.take(node).size)).toEqual([1, 0, 1]);
});
