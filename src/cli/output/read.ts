import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';

/**
 * Reads a value deep inside what a control plane sent; undefined wherever the path ends early. Tables are drawn from
 * answers of other versions too, so nothing is taken for granted.
 */
export function readAt(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let at = value;
  for (const key of path) {
    if (!isJsonObject(at)) return undefined;
    at = at[key];
  }
  return at;
}

/** A scalar as text, '' for anything else. */
export function readText(value: Json | undefined, ...path: readonly string[]): string {
  const at = readAt(value, ...path);
  return typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean' ? String(at) : '';
}

/** A text such as a time; undefined for absent and empty ones. */
export function readOptional(value: Json | undefined, ...path: readonly string[]): string | undefined {
  return readText(value, ...path) || undefined;
}

/** The objects of a list. */
export function readList(value: Json | undefined, ...path: readonly string[]): readonly JsonObject[] {
  const at = readAt(value, ...path);
  return Array.isArray(at) ? at.filter(isJsonObject) : [];
}
