import { expect, test } from 'vitest';
import { startTriggers } from '../../../../src/dp/hot-restart/triggers.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

test('the bootstrap is asked for again and again, with a jitter of a fifth', () => {
  const clock = createFakeClock();
  const asked: string[] = [];
  const triggers = startTriggers({
    clock,
    refreshMs: 1_000,
    identity: undefined,
    ask: (cause) => asked.push(cause),
    random: () => 1,
  });
  clock.advance(1_190);
  expect(asked).toEqual([]);
  clock.advance(20);
  clock.advance(1_210);
  expect(asked).toEqual(['bootstrap refresh', 'bootstrap refresh']);
  triggers.stop();
  clock.advance(5_000);
  expect(asked).toHaveLength(2);
});

test('another binary is noticed once it stays the same for two looks, and told once', () => {
  const clock = createFakeClock();
  const asked: string[] = [];
  let identity = 'a';
  startTriggers({ clock, refreshMs: 0, identity: () => identity, ask: (cause) => asked.push(cause) });
  for (const now of ['a', 'half', 'b', '', 'b']) {
    identity = now;
    clock.advance(1_000);
  }
  expect(asked).toEqual([]);
  clock.advance(1_000);
  clock.advance(10_000);
  expect(asked).toEqual(['changed binary']);
});
