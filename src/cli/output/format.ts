import type { Output } from '../context.ts';
import { CliError } from '../errors.ts';

export type OutputFormat = 'table' | 'yaml' | 'json';

const FORMATS: readonly string[] = ['table', 'yaml', 'json'] satisfies OutputFormat[];

/** Reads the value of `-o`. */
export function parseOutputFormat(text: string): OutputFormat {
  if (FORMATS.includes(text)) return text as OutputFormat;
  throw new CliError('usage', `unknown output format "${text}": -o takes ${FORMATS.join(', ')}`);
}

/** Prints a value for programs: JSON or YAML, keys in the order the control plane sent them. */
export async function printData(out: Output, format: 'yaml' | 'json', value: unknown): Promise<void> {
  out.write(format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : await toYaml(value));
}

/** YAML that `kumactl apply` reads back: no folded lines, no anchors, lists not indented. */
export async function toYaml(value: unknown): Promise<string> {
  // Loaded when needed: tables and most commands do without it, and it doubles the time to start.
  const { stringify } = await import('yaml');
  return stringify(value, { lineWidth: 0, indentSeq: false, aliasDuplicateObjects: false });
}
