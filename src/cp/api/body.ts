import { isJsonObject, type JsonObject } from '../../lib/json.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true });

export type ParsedBody =
  | { readonly kind: 'object'; readonly value: JsonObject }
  | { readonly kind: 'invalid'; readonly detail: string };

/** Reads a request body as one JSON object, whatever its Content-Type says. */
export function parseBody(bytes: Uint8Array | undefined): ParsedBody {
  if (bytes === undefined || bytes.length === 0)
    return invalid('the request has no body; a JSON object is expected');
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch (error) {
    const why = error instanceof SyntaxError ? firstLine(error.message) : 'it is not UTF-8 text';
    return invalid(`the request body is not valid JSON: ${why}`);
  }
  if (!isJsonObject(value)) return invalid('the request body has to be a JSON object');
  return { kind: 'object', value };
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 200);
}

function invalid(detail: string): ParsedBody {
  return { kind: 'invalid', detail };
}
