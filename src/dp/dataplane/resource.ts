import { parseAllDocuments } from 'yaml';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { Violation } from '../../lib/violations.ts';
import { fillTemplate, type TemplateVariables } from './template.ts';

export type DataplaneResource =
  | { readonly ok: true; readonly mesh: string; readonly name: string; readonly json: string }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/**
 * Reads the Dataplane an agent brings. Only its envelope is looked at: whether the rest is valid, in either dialect,
 * is for the control plane to say. `source` names where the text came from.
 */
export function parseDataplane(
  template: string,
  variables: TemplateVariables,
  source: string,
): DataplaneResource {
  const { text, violations } = fillTemplate(template, variables);
  if (violations.length > 0) {
    return {
      ok: false,
      violations: violations.map((v) => ({ field: source, message: `${v.field} ${v.message}` })),
    };
  }
  const tree = parseYaml(text);
  if (typeof tree === 'string') return fail(source, tree);
  const { type, mesh = 'default', name } = tree;
  if (type !== 'Dataplane')
    return fail(source, `type must be Dataplane, got ${JSON.stringify(type ?? null)}`);
  if (typeof name !== 'string' || name === '') return fail(source, 'name is missing');
  if (typeof mesh !== 'string' || mesh === '') return fail(source, 'mesh must be a text');
  return { ok: true, mesh, name, json: JSON.stringify({ ...tree, mesh }) };
}

function parseYaml(text: string): JsonObject | string {
  const documents = parseAllDocuments(text);
  const [first, ...others] = Array.isArray(documents)
    ? documents.filter((d) => d.errors.length > 0 || d.toJS() !== null)
    : [];
  if (first === undefined) return 'holds no Dataplane';
  if (others.length > 0) return 'holds several documents; an agent runs one Dataplane';
  const [problem] = first.errors;
  if (problem !== undefined) return `is not valid YAML: ${problem.message.split('\n')[0]?.replace(/:$/, '')}`;
  const tree: unknown = first.toJS();
  return isJsonObject(tree) ? tree : 'is not a mapping';
}

function fail(source: string, message: string): DataplaneResource {
  return { ok: false, violations: [{ field: source, message }] };
}
