import { expect, test } from 'vitest';
import { createProver } from '../../../../src/dp/known-good/prover.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

function setUp() {
  const clock = createFakeClock();
  const proven: string[] = [];
  const prover = createProver<string>({ clock, afterMs: 10_000, onProven: (value) => proven.push(value) });
  return { clock, proven, prover };
}

test('what Envoy served with for ten seconds is good, and not a moment before', () => {
  const { clock, proven, prover } = setUp();
  prover.offer('a');
  clock.advance(9_999);
  expect(proven).toEqual([]);
  clock.advance(1);
  expect(proven).toEqual(['a']);
});

test('what an Envoy had when it ended is not', () => {
  const { clock, proven, prover } = setUp();
  prover.offer('a');
  clock.advance(5_000);
  prover.offer('b');
  prover.disprove();
  clock.advance(60_000);
  expect(proven).toEqual([]);
  prover.offer('c');
  clock.advance(10_000);
  expect(proven).toEqual(['c']);
});

test('a configuration that changes every second is proven every so often, and at last the newest one', () => {
  const { clock, proven, prover } = setUp();
  for (let i = 0; i < 60; i++) {
    prover.offer(String(i));
    clock.advance(1_000);
  }
  expect(proven.length).toBeGreaterThanOrEqual(3);
  clock.advance(20_000);
  expect(proven.at(-1)).toBe('59');
  expect(clock.pending).toBe(0);
});
