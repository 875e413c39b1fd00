import { parseDuration } from '../../lib/duration.ts';
import type { Json } from '../../lib/json.ts';
import { describeValue, type Notes } from './notes.ts';

/**
 * Reads one JSON value into a `T` and reports what does not fit, with its path. A shape never throws and always
 * returns a `T` (`zero` after a violation), so that the rules behind it can look at the rest of the document.
 */
export interface Shape<T> {
  readonly zero: T;
  /** Protobuf JSON leaves such a value out; an optional field that holds one counts as not given. */
  isUnset?(value: T): boolean;
  read(value: Json, at: string, notes: Notes): T;
}

export const text: Shape<string> = {
  zero: '',
  isUnset: (value) => value === '',
  read(value, at, notes) {
    if (typeof value === 'string') return value;
    const hint = typeof value === 'number' || typeof value === 'boolean' ? ': write it in quotes' : '';
    notes.violate(at, `must be a string, got ${describeValue(value)}${hint}`);
    return '';
  },
};

export const flag: Shape<boolean> = {
  zero: false,
  isUnset: (value) => !value,
  read(value, at, notes) {
    if (typeof value === 'boolean') return value;
    notes.violate(at, `must be true or false, got ${describeValue(value)}`);
    return false;
  },
};

/** A whole number of either sign; digits in quotes count, as in protobuf JSON. Ranges are the rules' matter. */
export const integer: Shape<number> = {
  zero: 0,
  isUnset: (value) => value === 0,
  read(value, at, notes) {
    const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number)) return number === 0 ? 0 : number;
    notes.violate(at, `must be a whole number, got ${describeValue(value)}`);
    return 0;
  },
};

/** 32 bits without sign. */
export const uint32: Shape<number> = {
  ...integer,
  read(value, at, notes) {
    const number = integer.read(value, at, notes);
    if (number >= 0 && number <= 0xffff_ffff) return number;
    notes.violate(at, `must be in the range [0, 4294967295], got ${number}`);
    return 0;
  },
};

/** A Go duration, kept as it was written. */
export const duration: Shape<string> = {
  ...text,
  read(value, at, notes) {
    const written = text.read(value, at, notes);
    if (written === '' || parseDuration(written) !== undefined) return written;
    notes.violate(at, `must be a duration such as 500ms, 10s or 1h30m, got ${describeValue(written)}`);
    return '';
  },
};

/** One of the given words; the first is the default that protobuf JSON leaves out. */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  ...words: Words
): Shape<Words[number]> {
  const zero: Words[number] = words[0];
  return {
    zero,
    isUnset: (value) => value === zero,
    read(value, at, notes) {
      const found = words.find((word): word is Words[number] => word === value);
      if (found !== undefined) return found;
      notes.violate(at, `must be one of ${words.join(', ')}, got ${describeValue(value)}`);
      return zero;
    },
  };
}

/** The same shape for fields that tell "0", "false" or "empty" from "not given" (protobuf's wrapper types). */
export function kept<T>(shape: Shape<T>): Shape<T> {
  return { zero: shape.zero, read: (value, at, notes) => shape.read(value, at, notes) };
}
