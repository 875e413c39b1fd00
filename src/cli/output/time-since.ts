import { formatDuration } from '../../lib/duration.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/**
 * Age of an RFC 3339 time in one unit, as 2.14 shows it: `12s`, `5m`, `3h`, `2d`, `1y`; `never` when there is none.
 * A time in the future (clocks differ) is `0s`.
 */
export function formatTimeSince(time: string | undefined, nowMs: number): string {
  const seconds = secondsSince(time, nowMs);
  if (seconds === undefined) return 'never';
  if (seconds < MINUTE) return `${seconds}s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)}h`;
  if (seconds < YEAR) return `${Math.floor(seconds / DAY)}d`;
  return `${Math.floor(seconds / YEAR)}y`;
}

/** The same as 0.1 shows it: a Go duration in whole seconds, `2h3m4s`. */
export function formatExactTimeSince(time: string | undefined, nowMs: number): string {
  const seconds = secondsSince(time, nowMs);
  return seconds === undefined ? 'never' : formatDuration(seconds * 1000);
}

function secondsSince(time: string | undefined, nowMs: number): number | undefined {
  const then = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(then) ? undefined : Math.max(0, Math.floor((nowMs - then) / 1000));
}
