import { expect, test } from 'vitest';
import { createGate } from '../../../../src/dp/crew/gate.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

function gate() {
  const clock = createFakeClock();
  const self = createGate({ places: 2, mostMs: 3_000, clock });
  const inside: number[] = [];
  const leaves: (() => void)[] = [];
  for (let i = 0; i < 5; i++)
    void self.enter().then((leave) => {
      inside.push(i);
      leaves[i] = leave;
    });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { clock, inside, leaves, settle };
}

test('starts come a few at a time and in order, the next as soon as one is done', async () => {
  const { inside, leaves, settle } = gate();
  await settle();
  expect(inside).toEqual([0, 1]);
  leaves[1]?.();
  leaves[1]?.();
  await settle();
  expect(inside).toEqual([0, 1, 2]);
});

test('one that takes long is not waited for', async () => {
  const { clock, inside, leaves, settle } = gate();
  await settle();
  clock.advance(3_000);
  await settle();
  expect(inside).toEqual([0, 1, 2, 3]);
  for (const leave of leaves) leave();
  await settle();
  expect(inside).toEqual([0, 1, 2, 3, 4]);
  leaves[4]?.();
  expect(clock.pending).toBe(0);
});
