import { expect, test } from 'vitest';
import { createBell } from '../../../src/lib/bell.ts';

test('who waits is woken, and one ring before the waiting is enough', async () => {
  const bell = createBell();
  let woken = 0;
  const waiting = bell.wait().then(() => woken++);
  await Promise.resolve();
  expect(woken).toBe(0);
  bell.ring();
  await waiting;
  bell.ring();
  bell.ring();
  await bell.wait();
  let again = false;
  void bell.wait().then(() => {
    again = true;
  });
  await Promise.resolve();
  await Promise.resolve();
  expect(again).toBe(false);
});
