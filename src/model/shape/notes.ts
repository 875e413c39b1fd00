import type { Json } from '../../lib/json.ts';
import { type Violation, Violations } from '../../lib/violations.ts';

/** Warning for a field that is stored and shown, and changes nothing in this version. */
export const NO_EFFECT = 'no effect yet';

/** What reading one document found: what makes it unusable, and what its author should know. */
export class Notes {
  readonly violations = new Violations();
  readonly #warnings: Violation[] = [];

  /** `field` is a Kuma path, '' for the whole document. */
  violate(field: string, message: string): void {
    this.violations.add(field, message);
  }

  warn(field: string, message: string): void {
    this.#warnings.push({ field, message });
  }

  /** As sentences; without those about fields at or below one of `except`. */
  warnings(except: readonly string[] = []): readonly string[] {
    const told = this.#warnings.filter(({ field }) => !except.some((above) => isAtOrBelow(field, above)));
    return told.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  }
}

/** Path of a map entry: `tags["kuma.io/service"]`. */
export function keyPath(at: string, key: string): string {
  return `${at}[${JSON.stringify(key)}]`;
}

/** True when one of the two paths is the other or lies above it: they speak of the same thing. */
export function pathsOverlap(a: string, b: string): boolean {
  return isAtOrBelow(a, b) || isAtOrBelow(b, a);
}

function isAtOrBelow(path: string, above: string): boolean {
  if (above === '' || path === above) return true;
  return path.startsWith(above) && (path[above.length] === '.' || path[above.length] === '[');
}

/** A value as messages name it: `the number 5`, `the text "abc"`, `a list`. */
export function describeValue(value: Json | undefined): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return `the text ${JSON.stringify(shorten(value))}`;
  return typeof value === 'number' ? `the number ${value}` : String(value);
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
