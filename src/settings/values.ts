import { makeExactValidator, type ValidatorSpec } from 'envalid';
import { parseDuration } from '../lib/duration.ts';

/** Parsers from text to value. Each throws an Error whose message ends the sentence `KEY: <text>`. */

type Make<T> = (fallback: T) => ValidatorSpec<T>;

function value<T>(parse: (text: string) => T): Make<T> {
  const validator = makeExactValidator<T>(parse);
  return (fallback) => validator({ default: fallback as NonNullable<T> });
}

export const text = value((t) => t);

export const boolean = value((t) => {
  if (/^(true|1|yes|on)$/i.test(t)) return true;
  if (/^(false|0|no|off)$/i.test(t)) return false;
  throw new Error(`must be true or false, got "${t}"`);
});

/** A port one can listen on, 1 to 65535; 0 where `orZero` says so (the kernel, or the other side, chooses). */
export const port = value((t) => parsePort(t, 1));
export const portOrZero = value((t) => parsePort(t, 0));

export const integer = value((t) => {
  if (!/^-?\d+$/.test(t)) throw new Error(`must be a whole number, got "${t}"`);
  return Number(t);
});

/** Milliseconds; written as a Go duration (`30s`). */
export const duration = value(parseMs);

/** The same, undefined where none is given. */
export const optionalDuration = value<number | undefined>(parseMs)(undefined);

export function oneOf<const T extends string>(...choices: readonly T[]): Make<T> {
  return value((t) => {
    const found = choices.find((c) => c === t);
    if (found === undefined) throw new Error(`must be one of ${choices.join(', ')}, got "${t}"`);
    return found;
  });
}

export const list = value<readonly string[]>((t) =>
  t
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

function parseMs(t: string): number {
  const ms = parseDuration(t);
  if (ms === undefined || ms < 0) throw new Error(`must be a duration such as 500ms, 30s or 5m, got "${t}"`);
  return ms;
}

function parsePort(t: string, least: number): number {
  const n = /^\d{1,6}$/.test(t) ? Number(t) : Number.NaN;
  if (!(n >= least && n <= 65535)) throw new Error(`must be a port between ${least} and 65535, got "${t}"`);
  return n;
}
