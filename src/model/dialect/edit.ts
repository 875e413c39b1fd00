import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { MovedPath, Translated } from '../resource.ts';
import { isJsonList } from '../shape/compound.ts';
import { Notes } from '../shape/notes.ts';

/** Collects what a translation has to say, and which paths its violations already explain. */
export class TranslationNotes extends Notes {
  readonly covered: string[] = [];

  /** Refuses a part. `covers` are the paths of today's shape that are missing or wrong because of it. */
  refuse(field: string, message: string, covers: readonly string[] = [field]): void {
    this.violate(field, message);
    this.covered.push(...covers);
  }
}

/** The outcome in the form that types hand out. */
export function toTranslated(
  body: JsonObject,
  notes: TranslationNotes,
  moved: readonly MovedPath[] = [],
): Translated {
  return {
    body,
    violations: notes.violations.list,
    warnings: notes.warnings(),
    covered: notes.covered,
    moved,
  };
}

/** The object with this field set; the same object when it has that value already. */
export function withField(object: JsonObject, name: string, value: Json | undefined): JsonObject {
  if (value === undefined || object[name] === value) return object;
  return { ...object, [name]: value };
}

/** The object without these fields; the same object when it has none of them. */
export function without(object: JsonObject, ...names: readonly string[]): JsonObject {
  if (!names.some((name) => Object.hasOwn(object, name))) return object;
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** Rewrites the objects of a list; anything else is left for parsing to judge. Unchanged input comes back itself. */
export function mapObjects(
  value: Json | undefined,
  rewrite: (item: JsonObject, index: number) => JsonObject,
): Json | undefined {
  if (!isJsonList(value)) return value;
  const out = value.map((item, i) => (isJsonObject(item) ? rewrite(item, i) : item));
  return out.some((item, i) => item !== value[i]) ? out : value;
}

/** Rewrites one field that holds an object. */
export function editObject(
  object: JsonObject,
  name: string,
  rewrite: (value: JsonObject) => JsonObject,
): JsonObject {
  const value = object[name];
  return isJsonObject(value) ? withField(object, name, rewrite(value)) : object;
}

/** True for a field that the document really gives: null means not given. */
export function isGiven(object: JsonObject, name: string): boolean {
  return Object.hasOwn(object, name) && object[name] !== null && object[name] !== undefined;
}
