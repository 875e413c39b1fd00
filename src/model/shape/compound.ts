import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import { joinField } from '../../lib/violations.ts';
import { describeValue, keyPath, type Notes } from './notes.ts';
import type { Shape } from './shape.ts';

/** A field that is always there after reading: the shape's zero when the document leaves it out. */
export interface Always<T> extends Shape<T> {
  readonly always: true;
}

/** One shape for every field of `T`; required fields of `T` need `always(…)`. */
export type Fields<T> = {
  readonly [K in keyof T]-?: object extends Pick<T, K> ? Shape<Exclude<T[K], undefined>> : Always<T[K]>;
};

export function always<T>(shape: Shape<T>): Always<T> {
  return { zero: shape.zero, read: (value, at, notes) => shape.read(value, at, notes), always: true };
}

/** An object with known fields. Others are dropped with a warning; null means not given. */
export function object<T extends object>(fields: Fields<T>): Shape<T> {
  const entries = Object.entries(fields) as [string, Shape<unknown> & { always?: true }][];
  const readFields = (value: JsonObject, at: string, notes: Notes): T => {
    const out: [string, unknown][] = [];
    for (const [name, shape] of entries) {
      const given = Object.hasOwn(value, name) ? value[name] : undefined;
      const isGiven = given !== undefined && given !== null;
      const read = isGiven ? shape.read(given, joinField(at, name), notes) : shape.zero;
      if (shape.always || (isGiven && !shape.isUnset?.(read))) out.push([name, read]);
    }
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(fields, name)) notes.warn(joinField(at, name), 'unknown field, ignored');
    }
    // The field table names every key of T with a shape of its type.
    return Object.fromEntries(out) as T;
  };
  const zeros = entries.filter(([, shape]) => shape.always).map(([name, shape]) => [name, shape.zero]);
  return {
    zero: Object.fromEntries(zeros) as T,
    read: (value, at, notes) => readFields(expectObject(value, at, notes), at, notes),
  };
}

/** A list; an element that does not fit is replaced by its zero, so that indexes stay those of the document. */
export function list<T>(element: Shape<T>): Shape<readonly T[]> {
  return {
    zero: [],
    isUnset: (value) => value.length === 0,
    read(value, at, notes) {
      if (isJsonList(value)) return value.map((item, i) => element.read(item, `${at}[${i}]`, notes));
      notes.violate(at, `must be a list, got ${describeValue(value)}`);
      return [];
    },
  };
}

/** A map with free keys and values of one shape. */
export function map<T>(element: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    zero: {},
    isUnset: (value) => Object.keys(value).length === 0,
    read(value, at, notes) {
      const given = Object.entries(expectObject(value, at, notes));
      return Object.fromEntries(
        given.map(([key, item]) => [key, element.read(item, keyPath(at, key), notes)]),
      );
    },
  };
}

/** An object kept as it was written, for parts that nothing here looks into. */
export const anyObject: Shape<JsonObject> = {
  zero: {},
  read: (value, at, notes) => copyObject(expectObject(value, at, notes)),
};

export function isJsonList(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

function expectObject(value: Json, at: string, notes: Notes): JsonObject {
  if (isJsonObject(value)) return value;
  notes.violate(at, `must be an object, got ${describeValue(value)}`);
  return {};
}

// A copy, because what comes out is frozen and the input belongs to the caller.
function copyObject(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]));
}

function copy(value: Json): Json {
  if (isJsonList(value)) return value.map(copy);
  return isJsonObject(value) ? copyObject(value) : value;
}
