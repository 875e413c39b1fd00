import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { watchLostTime } from '../../../../src/dp/doctor/lost-time.ts';

test('time in which the process itself stood still is told apart from time in which it waited', async () => {
  const startedAt = performance.now();
  const lost = watchLostTime();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  // In pieces: what the machine of the test loses besides is lost as well.
  for (let piece = 0; piece < 10; piece++) await delay(20);
  const lostMs = lost();
  expect(lostMs).toBeGreaterThan(300);
  expect(performance.now() - startedAt - lostMs).toBeGreaterThan(150);
});
