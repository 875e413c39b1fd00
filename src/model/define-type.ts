import type { JsonObject } from '../lib/json.ts';
import type { Violation } from '../lib/violations.ts';
import type { Parsed, ResourceType, Scope, Translated } from './resource.ts';
import { deepFreeze } from './shape/freeze.ts';
import { Notes, pathsOverlap } from './shape/notes.ts';
import type { Shape } from './shape/shape.ts';

/** What a type has to say of itself; the rest has the usual defaults. */
export interface TypeDefinition<Spec> {
  readonly name: string;
  readonly scope: Scope;
  readonly plural: string;
  readonly singular: string;
  readonly aliases?: readonly string[];
  readonly shortName: string;
  readonly readOnly?: boolean;
  readonly shape?: 'inline' | 'spec';
  /** Policies only, and makes it one. */
  readonly display?: { readonly singular: string; readonly plural: string };
  readonly maxNameLength?: number;
  /** Structure: types of all fields. */
  readonly fields: Shape<Spec>;
  /** Rules beyond structure. Sees a spec whose ill-typed parts are zeros; what it says of those is not reported. */
  readonly check?: (spec: Spec, notes: Notes) => void;
  readonly translate?: (body: JsonObject) => Translated;
  /** The spec itself when absent. */
  readonly toJson?: (spec: Spec) => JsonObject;
}

export function defineType<Spec extends object>(definition: TypeDefinition<Spec>): ResourceType<Spec> {
  const { fields, check, aliases = [], readOnly = false, shape = 'inline', toJson, ...rest } = definition;
  return Object.freeze({
    ...rest,
    aliases,
    readOnly,
    shape,
    isPolicy: definition.display !== undefined,
    parse: (body: JsonObject) => parse(body, fields, check),
    // A spec read by a shape holds JSON values only.
    toJson: toJson ?? ((spec: Spec) => spec as unknown as JsonObject),
  });
}

function parse<Spec>(
  body: JsonObject,
  fields: Shape<Spec>,
  check: TypeDefinition<Spec>['check'],
): Parsed<Spec> {
  const structure = new Notes();
  const spec = deepFreeze(fields.read(body, '', structure));
  const rules = new Notes();
  check?.(spec, rules);
  const violations = mergeViolations(structure.violations.list, rules.violations.list);
  return {
    spec: violations.length === 0 ? spec : undefined,
    violations,
    warnings: [...structure.warnings(), ...rules.warnings(structure.violations.list.map((v) => v.field))],
  };
}

/** All of `first`, and of `second` what does not speak of the same fields: one mistake gives one message. */
export function mergeViolations(
  first: readonly Violation[],
  second: readonly Violation[],
  covered: readonly string[] = first.map((v) => v.field),
): readonly Violation[] {
  return [...first, ...second.filter((v) => !covered.some((field) => pathsOverlap(field, v.field)))];
}
