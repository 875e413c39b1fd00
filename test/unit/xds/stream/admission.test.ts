import { expect, test } from 'vitest';
import type { Clock } from '../../../../src/lib/clock.ts';
import { createAdmission } from '../../../../src/xds/stream/admission.ts';

/** A clock that is turned by hand. */
function handClock() {
  let now = 0;
  let timers: { at: number; fn: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after(ms, fn) {
      const timer = { at: now + ms, fn };
      timers.push(timer);
      return () => {
        timers = timers.filter((t) => t !== timer);
      };
    },
  };
  return {
    clock,
    async turn(ms: number) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers = timers.filter((t) => t !== next);
        now = Math.max(now, next.at);
        next.fn();
      }
      now = end;
      await Promise.resolve();
    },
  };
}

const forever = new AbortController().signal;

test('a burst is let in at once and the rest at the rate, in the order of arrival', async () => {
  const { clock, turn } = handClock();
  const admission = createAdmission({ ratePerSecond: 10, burst: 2 }, clock);
  const order: number[] = [];
  for (let i = 0; i < 5; i++) void admission.enter(forever).then(() => order.push(i));
  await turn(0);
  expect(order).toEqual([0, 1]);
  await turn(100);
  expect(order).toEqual([0, 1, 2]);
  await turn(200);
  expect(order).toEqual([0, 1, 2, 3, 4]);
  expect(admission.waiting).toBe(0);
});

test('who gives up leaves the queue and takes nobody else with it', async () => {
  const { clock, turn } = handClock();
  const admission = createAdmission({ ratePerSecond: 10, burst: 1 }, clock);
  const gone = new AbortController();
  await admission.enter(forever);
  const left = admission.enter(gone.signal);
  const stays = admission.enter(forever);
  gone.abort(new Error('stream closed'));
  await expect(left).rejects.toThrow('stream closed');
  await turn(100);
  await stays;
});

test('a quiet time earns no more than the burst', async () => {
  const { clock, turn } = handClock();
  const admission = createAdmission({ ratePerSecond: 10, burst: 2 }, clock);
  await turn(60_000);
  for (let i = 0; i < 5; i++) void admission.enter(forever);
  expect(admission.waiting).toBe(3);
});

test('impossible numbers are refused', () => {
  expect(() => createAdmission({ ratePerSecond: 0, burst: 1 }, handClock().clock)).toThrow(RangeError);
});
