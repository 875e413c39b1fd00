import { CliError } from '../errors.ts';

/** Reads `-v k=v` flags; a later one of the same name wins. */
export function parseVariables(flags: readonly string[], flag: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const text of flags) {
    const at = text.indexOf('=');
    if (at < 1) throw new CliError('usage', `${flag} is "${text}", but must be NAME=VALUE`);
    variables.set(text.slice(0, at), text.slice(at + 1));
  }
  return variables;
}

/**
 * Puts values in place of `{{ name }}`. Without any variable the text is left as it is, and placeholders that begin
 * with a dot always are: they belong to resources which are templates themselves. A name without a value is an
 * error, for an empty text in its place would be applied silently.
 */
export function renderTemplate(text: string, variables: ReadonlyMap<string, string>, from: string): string {
  if (variables.size === 0) return text;
  return text.replace(/\{\{\{?\s*([A-Za-z_][\w.-]*)\s*\}?\}\}/g, (_, name: string, offset: number) => {
    const value = variables.get(name);
    if (value !== undefined) return value;
    const line = text.slice(0, offset).split('\n').length;
    throw new CliError(
      'input',
      `${from}:${line}: no value for {{ ${name} }}; give it with --var ${name}=VALUE`,
    );
  });
}
