import { parse } from 'yaml';
import { CodedError } from '../lib/coded-error.ts';
import { isJsonObject, type Json, type JsonObject } from '../lib/json.ts';

export type TemplateErrorCode =
  | 'not-yaml'
  | 'unknown-placeholder'
  | 'missing-parameter'
  | 'embedded-placeholder';

export class TemplateError extends CodedError<TemplateErrorCode> {}

/** Values for placeholders; undefined stands for "not given". */
export type TemplateParameters = Readonly<Record<string, Json | undefined>>;

const WHOLE = /^\$\{([A-Za-z][A-Za-z0-9]*)(\?)?\}$/;
const ANYWHERE = /\$\{/;

/**
 * Renders a template: YAML whose placeholders are whole scalars, `${name}` or `${name?}`, replaced by JSON values of
 * any type. Nothing is pasted into text, so no value can change the structure or needs quoting. A key or list item
 * whose optional placeholder is not given disappears. Throws TemplateError for a placeholder that no parameter knows,
 * one that is not given, or one inside a longer text.
 */
export function renderTemplate(template: string, parameters: TemplateParameters): JsonObject {
  let tree: unknown;
  try {
    tree = parse(template);
  } catch (cause) {
    throw new TemplateError('not-yaml', 'bootstrap template is not valid YAML', { cause });
  }
  const rendered = render(tree, parameters, '');
  if (!isJsonObject(rendered))
    throw new TemplateError('not-yaml', 'bootstrap template is not a YAML mapping');
  return rendered;
}

/** undefined = drop this node. */
function render(node: unknown, parameters: TemplateParameters, path: string): Json | undefined {
  if (typeof node === 'string') return renderScalar(node, parameters, path);
  if (Array.isArray(node)) {
    return node
      .map((item, i) => render(item, parameters, `${path}[${i}]`))
      .filter((item) => item !== undefined);
  }
  if (isJsonObject(node)) {
    const entries = Object.entries(node).map(([k, v]) => [
      k,
      render(v, parameters, path === '' ? k : `${path}.${k}`),
    ]);
    return Object.fromEntries(entries.filter(([, v]) => v !== undefined)) as JsonObject;
  }
  return node as Json;
}

function renderScalar(text: string, parameters: TemplateParameters, path: string): Json | undefined {
  const match = WHOLE.exec(text);
  if (match === null) {
    if (ANYWHERE.test(text)) {
      throw new TemplateError(
        'embedded-placeholder',
        `${path}: "${text}" mixes text and a placeholder; a placeholder is a whole value`,
      );
    }
    return text;
  }
  const [, name = '', optional] = match;
  if (!Object.hasOwn(parameters, name)) {
    throw new TemplateError('unknown-placeholder', `${path}: no parameter is called "${name}"`);
  }
  const value = parameters[name];
  if (value === undefined && optional === undefined) {
    throw new TemplateError('missing-parameter', `${path}: parameter "${name}" is not given`);
  }
  return value;
}
