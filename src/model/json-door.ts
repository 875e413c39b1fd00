import type { Json } from '../lib/json.ts';

/** Far beyond any real document; reading is recursive behind this door. */
const MAX_DEPTH = 64;
const MAX_VALUES = 200_000;

/**
 * What is wrong with a value that claims to be JSON: kinds that JSON has not (YAML and callers can bring them),
 * nesting too deep, too many values (references in YAML multiply). Undefined when nothing is.
 */
export function findJsonFault(value: unknown): string | undefined {
  const pending: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let seen = 0; ; seen++) {
    const next = pending.pop();
    if (next === undefined) return undefined;
    if (next.depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`;
    if (seen >= MAX_VALUES) return `more than ${MAX_VALUES} values in one document`;
    if (!isPlain(next.value)) return `holds a value that JSON cannot: ${describeKind(next.value)}`;
    if (typeof next.value === 'object' && next.value !== null) {
      for (const item of Object.values(next.value)) pending.push({ value: item, depth: next.depth + 1 });
    }
  }
}

export function isJson(value: unknown): value is Json {
  return findJsonFault(value) === undefined;
}

function isPlain(value: unknown): boolean {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean')
    return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

function describeKind(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'object' ? (value?.constructor?.name ?? 'an object') : `a ${typeof value}`;
}
