import { parse as parseYaml } from 'yaml';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';

export type BroughtDocument =
  | { readonly kind: 'object'; readonly value: JsonObject }
  | { readonly kind: 'invalid'; readonly reason: string };

/** A Dataplane of some thousand outbounds; agents, ours and the real one, send theirs as JSON. */
const MAX_BYTES = 1024 * 1024;
/** Parsing YAML costs a hundred times what JSON costs, and the sender is not known yet. */
const MAX_YAML_BYTES = 32 * 1024;

/** Reads the text of a Dataplane that an agent brings: JSON, or YAML as long as it is short. */
export function parseBroughtDataplane(text: string): BroughtDocument {
  if (text.length > MAX_BYTES) return tooLarge(text, MAX_BYTES);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    if (text.length > MAX_YAML_BYTES)
      return tooLarge(text, MAX_YAML_BYTES, ', the limit for what is not JSON');
    try {
      // The parser's own search for repeated keys takes time with the square of their number.
      value = parseYaml(text, { maxAliasCount: 100, uniqueKeys: false, logLevel: 'error' });
    } catch {
      return { kind: 'invalid', reason: 'it is neither JSON nor YAML' };
    }
  }
  return isJsonObject(value) ? { kind: 'object', value } : { kind: 'invalid', reason: 'it is not a mapping' };
}

function tooLarge(text: string, limit: number, what = ''): BroughtDocument {
  return { kind: 'invalid', reason: `it has ${text.length} characters, more than ${limit}${what}` };
}
