import { isJsonObject, type Json, type JsonObject } from '../lib/json.ts';
import type { Violation } from '../lib/violations.ts';
import { mergeViolations } from './define-type.ts';
import { type EnvelopeOptions, takeEnvelope } from './envelope.ts';
import { findJsonFault } from './json-door.ts';
import { findTypeByName } from './registry.ts';
import type { Labels, MovedPath, Parsed, ResourceKey, ResourceType, Translated } from './resource.ts';
import { describeValue } from './shape/notes.ts';

/** A document that has come in at the door: today's shape, checked, frozen. */
export interface ReadResource {
  readonly type: ResourceType;
  readonly key: ResourceKey;
  readonly labels: Labels;
  readonly spec: unknown;
}

/**
 * The whole way of one document, for the API and kumactl alike: the 0.1 dialect translated, envelope and fields
 * checked, every violation reported together. Takes anything and never throws.
 */
export function readResource(body: unknown, options: EnvelopeOptions = {}): Parsed<ReadResource> {
  const fault = findJsonFault(body);
  if (fault !== undefined) return refuse(fault);
  if (!isJsonObject(body)) {
    return refuse(`must be an object with "type" and "name", got ${describeValue(body as Json | undefined)}`);
  }
  const translated = translateBody(body);
  const { envelope, notes } = takeEnvelope(translated.body, options);
  const parsed = envelope?.type.parse(envelope.fields);
  const violations = gatherViolations(translated, notes.violations.list, parsed?.violations ?? []);
  const parseWarnings = (parsed?.warnings ?? [])
    .filter((warning) => !translated.covered.some((field) => speaksOf(warning, field)))
    .map((warning) => writtenPath(warning, translated.moved));
  const warnings = [...translated.warnings, ...notes.warnings(), ...parseWarnings];
  if (violations.length > 0 || envelope === undefined) return { spec: undefined, violations, warnings };
  const { type, mesh, name, labels } = envelope;
  const key = Object.freeze({ type: type.name, mesh, name });
  return { spec: Object.freeze({ type, key, labels, spec: parsed?.spec }), violations, warnings };
}

/** A document in today's shape, whatever dialect it came in; one of an unknown type comes back itself. */
export function translateBody(body: JsonObject): Translated {
  const type = typeof body.type === 'string' ? findTypeByName(body.type) : undefined;
  return type?.translate?.(body) ?? { body, violations: [], warnings: [], covered: [], moved: [] };
}

function gatherViolations(
  translated: Translated,
  envelope: readonly Violation[],
  fields: readonly Violation[],
): readonly Violation[] {
  const later = mergeViolations(envelope, fields);
  const all = mergeViolations(translated.violations, later, translated.covered);
  // Those of the translation itself name the written paths already.
  return all.map((violation) => {
    if (translated.violations.includes(violation)) return violation;
    return { field: writtenPath(violation.field, translated.moved), message: violation.message };
  });
}

// Text that begins with a path, with that path as the author wrote it.
function writtenPath(text: string, moved: readonly MovedPath[]): string {
  const path = moved.find(({ now }) => speaksOf(text, now));
  return path === undefined ? text : path.was + text.slice(path.now.length);
}

function speaksOf(text: string, field: string): boolean {
  return text.startsWith(field) && (text.length === field.length || /^[.[:]/.test(text.slice(field.length)));
}

function refuse(message: string): Parsed<ReadResource> {
  return { spec: undefined, violations: [{ field: '', message }], warnings: [] };
}
