import { describe, expect, test } from 'vitest';
import { createCrashHistory } from '../../../../src/dp/state/crash-history.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const A = { name: 'a' };
const B = { name: 'b' };

function setUp(extra: { maxRestarts?: number; fallBack?: () => string | undefined } = {}) {
  const clock = createFakeClock();
  const history = createCrashHistory<{ name: string }>({
    ...{ clock, baseMs: 100, maxMs: 30_000, maxRestarts: 0, random: () => 1 },
    ...extra,
  });
  /** An Envoy that has everything at once and crashes after a while. */
  const crashAfter = (servedMs: number, plan = A) => {
    const startedAt = clock.monotonic();
    clock.advance(servedMs);
    return history.record({
      plan,
      reason: 'killed by SIGSEGV',
      startedAt,
      readyAt: startedAt,
      tail: ['last'],
    });
  };
  /** One that never gets its configuration. */
  const crashUnready = (plan = A) =>
    history.record({
      plan,
      reason: 'exit code 1',
      startedAt: clock.monotonic(),
      readyAt: undefined,
      tail: [],
    });
  return { clock, history, crashAfter, crashUnready };
}

describe('the pause before the next start', () => {
  test('is none after the first crash, then doubles up to the limit', () => {
    const { crashUnready } = setUp();
    expect(Array.from({ length: 12 }, () => crashUnready().delayMs)).toEqual([
      0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000,
    ]);
  });

  test('is none again after a healthy minute', () => {
    const { crashAfter, crashUnready } = setUp();
    for (let i = 0; i < 8; i++) crashUnready();
    expect(crashAfter(60_001).delayMs).toBe(0);
    expect(crashUnready().delayMs).toBe(100);
  });

  test('stays short for an Envoy that had its whole configuration, shortest when it served', () => {
    const { crashAfter, crashUnready } = setUp();
    for (let i = 0; i < 12; i++) crashUnready();
    expect(crashAfter(500).delayMs).toBe(500);
    expect(crashAfter(2_000).delayMs).toBe(100);
  });

  test('is not left out for a start that was refused', () => {
    const { history } = setUp();
    const refused = { plan: A, reason: 'no', startedAt: undefined, readyAt: undefined, tail: [] };
    expect(history.record(refused).delayMs).toBe(100);
  });
});

describe('a new plan that crashes', () => {
  test('twice at its start gives way to the one that proved itself', () => {
    const { crashAfter } = setUp();
    crashAfter(10_000, A);
    expect(crashAfter(1_000, B)).toMatchObject({ plan: B, note: '' });
    const verdict = crashAfter(1_000, B);
    expect(verdict.plan).toBe(A);
    expect(verdict.note).toContain('the one before is started');
  });

  test('has nothing to give way to when none proved itself', () => {
    const { crashAfter } = setUp();
    crashAfter(1_000, A);
    expect(crashAfter(1_000, B)).toMatchObject({ plan: B, note: '' });
  });

  test('is kept when it served for long between its crashes', () => {
    const { crashAfter } = setUp();
    crashAfter(10_000, A);
    for (const servedMs of [1_000, 20_000, 1_000]) expect(crashAfter(servedMs, B).plan).toBe(B);
  });
});

test('a configuration is suspected from the second crash in a row on', () => {
  let asked = 0;
  const { crashAfter } = setUp({ fallBack: () => `fell back ${++asked}` });
  expect(crashAfter(1_000).note).toBe('');
  expect(crashAfter(1_000).note).toBe('fell back 1');
  expect(crashAfter(20_000).note).toBe('');
});

test('it gives up only when told how often is enough, and counts anew after a healthy minute', () => {
  const { crashAfter } = setUp({ maxRestarts: 2 });
  expect(crashAfter(1_000).giveUp).toBe(false);
  expect(crashAfter(1_000).giveUp).toBe(false);
  expect(crashAfter(70_000).giveUp).toBe(false);
  expect(crashAfter(1_000).giveUp).toBe(false);
  expect(crashAfter(1_000).giveUp).toBe(true);
  const { crashUnready } = setUp();
  for (let i = 0; i < 1_000; i++) expect(crashUnready().giveUp).toBe(false);
});

test('the last five crashes are remembered with their last lines', () => {
  const { history, crashAfter } = setUp();
  for (let i = 1; i <= 7; i++) crashAfter(i);
  expect(history.crashes.map(({ ranMs }) => ranMs)).toEqual([3, 4, 5, 6, 7]);
  expect(history.crashes.at(-1)).toMatchObject({ reason: 'killed by SIGSEGV', servedMs: 7, tail: ['last'] });
});
