import { expect, test } from 'vitest';
import { afterPatience } from '../../../src/lib/patience.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

test.each([1, 7, 100, 3_000])('a wait of %i ms is over after that time, and runs once', (ms) => {
  const clock = createFakeClock();
  let calls = 0;
  afterPatience(ms, () => calls++, clock);
  clock.advance(ms - 1);
  expect(calls).toBe(0);
  clock.advance(1);
  expect(calls).toBe(1);
  clock.advance(10 * ms);
  expect(calls).toBe(1);
});

test('a wait that was cancelled does not run, whichever part of it was under way', () => {
  const clock = createFakeClock();
  let calls = 0;
  const [early, late] = [1, 2].map(() => afterPatience(800, () => calls++, clock));
  early?.();
  clock.advance(750);
  late?.();
  clock.advance(800);
  expect([calls, clock.pending]).toEqual([0, 0]);
});

test('a process that does not run for a time has all but a part of its patience left', () => {
  const asked: number[] = [];
  const due: (() => void)[] = [];
  let calls = 0;
  afterPatience(800, () => calls++, {
    after(ms, fn) {
      asked.push(ms);
      due.push(fn);
      return () => {};
    },
  });
  // However late: the clock wakes the process once.
  due.shift()?.();
  expect(calls).toBe(0);
  while (due.length > 0) due.shift()?.();
  expect(calls).toBe(1);
  expect(asked).toEqual(Array.from({ length: 8 }, () => 100));
});
