import { isJsonObject, type Json, type JsonObject } from '../lib/json.ts';

/**
 * Lays `overlay` over `base`: mappings are merged key by key, everything else (lists too) is replaced whole, and an
 * explicit null removes the key. Neither input is changed. Envoy's oneofs want the removed sibling named, e.g.
 * `address: {socket_address: null, pipe: {…}}`.
 */
export function mergeTrees(base: JsonObject, overlay: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(overlay)) {
    const below = result[key];
    if (value === null) delete result[key];
    else if (isJsonObject(value) && isJsonObject(below)) result[key] = mergeTrees(below, value);
    else result[key] = isJsonObject(value) ? mergeTrees({}, value) : value;
  }
  return result;
}

/**
 * Envoy reads protobuf JSON, where a field may be spelled `initial_metadata` or `initialMetadata`. Merging needs one
 * spelling: this turns every key into snake_case, except below keys whose children are data, not fields
 * (`metadata`). What cannot be the name of a field stays as it is: `@type`, and keys of maps such as the extension names
 * in `typed_extension_protocol_options`.
 */
export function toSnakeCaseKeys(tree: JsonObject, dataKeys: ReadonlySet<string> = DATA_KEYS): JsonObject {
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => {
      const snake = FIELD_NAME.test(key) ? key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`) : key;
      return [snake, dataKeys.has(snake) ? value : convert(value, dataKeys)];
    }),
  );
}

const FIELD_NAME = /^[a-z]\w*$/;

/** `metadata` of the node and of endpoints, and the free-form values of a runtime layer. */
const DATA_KEYS: ReadonlySet<string> = new Set(['metadata', 'static_layer', 'filter_metadata']);

function convert(value: Json, dataKeys: ReadonlySet<string>): Json {
  if (Array.isArray(value)) return value.map((v: Json) => convert(v, dataKeys));
  return isJsonObject(value) ? toSnakeCaseKeys(value, dataKeys) : value;
}
