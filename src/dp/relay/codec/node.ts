import { isBytes, readFields, toText, WireWriter } from './wire.ts';

/** Fields of envoy.config.core.v3.Node, google.protobuf.Struct, its map entry, and google.protobuf.Value. */
const NODE_METADATA = 3;
const STRUCT_FIELDS = 1;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
const VALUE_STRING = 3;

/** An encoded node in whose metadata `key` has this text; everything else stays as it is. Throws WireError. */
export function withNodeMetadata(node: Uint8Array, key: string, text: string): Uint8Array {
  const writer = new WireWriter();
  const metadata = new WireWriter();
  for (const field of readFields(node)) {
    if (field.number === NODE_METADATA && isBytes(field)) metadata.raw(without(field.bytes, key));
    else writer.raw(field.raw);
  }
  const value = new WireWriter().bytes(VALUE_STRING, Buffer.from(text, 'utf8')).finish();
  const entry = new WireWriter().text(ENTRY_KEY, key).bytes(ENTRY_VALUE, value).finish();
  return writer.bytes(NODE_METADATA, metadata.bytes(STRUCT_FIELDS, entry).finish()).finish();
}

function without(struct: Uint8Array, key: string): Uint8Array {
  const writer = new WireWriter();
  for (const field of readFields(struct)) {
    const isMeant = field.number === STRUCT_FIELDS && isBytes(field) && keyOf(field.bytes) === key;
    if (!isMeant) writer.raw(field.raw);
  }
  return writer.finish();
}

function keyOf(entry: Uint8Array): string {
  let key = '';
  for (const field of readFields(entry))
    if (field.number === ENTRY_KEY && isBytes(field)) key = toText(field.bytes);
  return key;
}
