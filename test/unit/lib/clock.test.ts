import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock, untilTick } from '../../../src/lib/clock.ts';

const DAY_MS = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function count(ms: number) {
  const state = { calls: 0 };
  const cancel = systemClock.after(ms, () => state.calls++);
  return { state, cancel };
}

test('a wait runs once, when its time is over', () => {
  const { state } = count(1_000);
  vi.advanceTimersByTime(999);
  expect(state.calls).toBe(0);
  vi.advanceTimersByTime(5_000);
  expect(state.calls).toBe(1);
});

test('a wait of months does not run at once, nor after the 24.8 days that Node can count', () => {
  const { state } = count(90 * DAY_MS);
  vi.advanceTimersByTime(90 * DAY_MS - 1);
  expect(state.calls).toBe(0);
  vi.advanceTimersByTime(1);
  expect(state.calls).toBe(1);
  vi.advanceTimersByTime(200 * DAY_MS);
  expect(state.calls).toBe(1);
});

test('a wait that was cancelled does not run, whichever part of it was under way', () => {
  const [early, late] = [count(90 * DAY_MS), count(90 * DAY_MS)];
  early.cancel();
  vi.advanceTimersByTime(60 * DAY_MS);
  late.cancel();
  vi.advanceTimersByTime(60 * DAY_MS);
  expect([early.state.calls, late.state.calls]).toEqual([0, 0]);
  expect(vi.getTimerCount()).toBe(0);
});

test('those who wait for the common tick wake together, whenever they began, and never twice for one', () => {
  for (const began of [0.1, 7, 49.9, 50.0001]) {
    const ms = untilTick({ monotonic: () => began }, 50);
    expect(Number.isInteger(ms)).toBe(true);
    expect(began + ms).toBeGreaterThanOrEqual(Math.ceil(began / 50) * 50);
    expect((began + ms) % 50).toBeLessThan(1);
  }
});
