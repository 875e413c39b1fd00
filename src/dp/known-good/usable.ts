import { formatDuration } from '../../lib/duration.ts';
import type { SavedState } from './state-store.ts';

/** Whether a start without the control plane may use what is saved; `problem` says why not. */
export type Usable =
  | { readonly ok: true; readonly ageMs: number | undefined }
  | { readonly ok: false; readonly problem: string };

/**
 * Too old counts from the last time the control plane stood behind the state. A clock that was set back since, as on a
 * host whose clock has no battery, makes the age unknown; serving is then the lesser evil.
 */
export function judgeSaved(saved: SavedState, nowMs: number, maxAgeMs: number): Usable {
  if (saved.bootstrap === undefined) return { ok: false, problem: 'no bootstrap is saved' };
  if (maxAgeMs <= 0)
    return { ok: false, problem: 'starts without the control plane are switched off (--stale-max-age)' };
  if (saved.confirmedAt === undefined) return { ok: true, ageMs: undefined };
  const ageMs = Math.max(0, nowMs - saved.confirmedAt);
  if (ageMs <= maxAgeMs) return { ok: true, ageMs };
  return {
    ok: false,
    problem: `what is saved is ${formatDuration(round(ageMs))} old, more than ${formatDuration(maxAgeMs)} (--stale-max-age)`,
  };
}

function round(ms: number): number {
  return Math.round(ms / 1000) * 1000;
}
