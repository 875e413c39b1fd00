import type { Violation } from '../../lib/violations.ts';

export type TemplateVariables = ReadonlyMap<string, string>;

/**
 * Replaces `{{ name }}`, and `{{{ name }}}` which means the same, by the value of the variable, without escaping:
 * the text is YAML, not HTML. Comments `{{! … }}` disappear. A name nobody gave a value and the other tags of
 * mustache are violations; Kuma would put nothing in their place.
 */
export function fillTemplate(
  template: string,
  variables: TemplateVariables,
): { readonly text: string; readonly violations: readonly Violation[] } {
  const violations: Violation[] = [];
  const text = template.replace(
    /\{\{\{([^{}]*)\}\}\}|\{\{([^{}]*)\}\}/g,
    (tag, three?: string, two?: string) => {
      const inside = (three ?? two ?? '').trim();
      if (inside.startsWith('!')) return '';
      const name = inside.replace(/^&\s*/, '');
      const value = variables.get(name);
      if (value !== undefined) return value;
      violations.push({ field: tag, message: describeUnknown(name) });
      return '';
    },
  );
  return { text, violations };
}

/** Reads `name=value` (Kuma's variable form `name:value` too); the value may hold further signs and be empty. */
export function parseVariables(pairs: readonly string[]): {
  readonly variables: TemplateVariables;
  readonly violations: readonly Violation[];
} {
  const variables = new Map<string, string>();
  const violations: Violation[] = [];
  for (const pair of pairs) {
    const [, name, value] = /^\s*([^=:\s]+)\s*[=:](.*)$/s.exec(pair) ?? [];
    if (name === undefined)
      violations.push({ field: '--dataplane-var', message: `must be name=value, got "${pair}"` });
    else variables.set(name, value ?? '');
  }
  return { variables, violations };
}

function describeUnknown(name: string): string {
  return /^[#^/>=]/.test(name)
    ? 'sections, partials and delimiters are not supported'
    : `has no value; give one with -v ${name}=…`;
}
