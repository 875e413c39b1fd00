import { expect, test } from 'vitest';
import type { SavedState } from '../../../../src/dp/known-good/state-store.ts';
import { judgeSaved } from '../../../../src/dp/known-good/usable.ts';

const NOW = Date.parse('2030-01-04T00:00:00Z');
const HOUR = 3_600_000;
const saved = (confirmedAt: number | undefined, bootstrap: SavedState['bootstrap'] = {}): SavedState => ({
  bootstrap,
  generations: [],
  confirmedAt,
  controlPlane: '',
  refused: [],
  nextNumber: 1,
});

test('state is used up to the age limit and refused beyond it, with both ages', () => {
  expect(judgeSaved(saved(NOW - 72 * HOUR), NOW, 72 * HOUR)).toEqual({ ok: true, ageMs: 72 * HOUR });
  expect(judgeSaved(saved(NOW - 73 * HOUR), NOW, 72 * HOUR)).toEqual({
    ok: false,
    problem: 'what is saved is 73h0m0s old, more than 72h0m0s (--stale-max-age)',
  });
});

test('a clock that was set back makes the age unknown, and serving goes before', () => {
  expect(judgeSaved(saved(undefined), NOW, 72 * HOUR)).toEqual({ ok: true, ageMs: undefined });
});

test('a limit of 0s never starts without the control plane', () => {
  expect(judgeSaved(saved(NOW), NOW, 0).ok).toBe(false);
});

test('nothing saved is nothing to use', () => {
  expect(judgeSaved({ ...saved(NOW), bootstrap: undefined }, NOW, HOUR)).toMatchObject({ ok: false });
});
