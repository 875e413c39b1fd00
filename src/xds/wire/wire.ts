/**
 * The protobuf wire format by hand, as far as xDS needs it: length-delimited fields and varints. Resources reach this
 * folder as encoded bytes and leave it as such; writing the few fields around them here is several times faster than
 * any library, because nothing inside a resource is looked at or encoded again.
 * Format: https://protobuf.dev/programming-guides/encoding/
 */
export const WIRE_VARINT = 0;
export const WIRE_BYTES = 2;

const utf8 = new TextDecoder('utf-8');

/** One field as found on the wire. `value` is a view into the input for length-delimited fields, a number for varints. */
export type WireField =
  | { readonly number: number; readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly number: number; readonly type: 'varint'; readonly value: number }
  | { readonly number: number; readonly type: 'fixed'; readonly value: Uint8Array };

/** Malformed protobuf input. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** Appends fields in the order of the calls; empty strings and empty byte arrays are left out, as proto3 does. */
export class WireWriter {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  string(field: number, value: string): this {
    return value === '' ? this : this.message(field, Buffer.from(value, 'utf8'));
  }

  bytes(field: number, value: Uint8Array): this {
    return value.length === 0 ? this : this.message(field, value);
  }

  /** A length-delimited field that is written even when empty: sub-messages and elements of repeated fields. */
  message(field: number, value: Uint8Array): this {
    this.#push(varints((field << 3) | WIRE_BYTES, value.length));
    this.#push(value);
    return this;
  }

  varint(field: number, value: number): this {
    if (value !== 0) this.#push(varints((field << 3) | WIRE_VARINT, value));
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts, this.#size);
  }

  #push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#size += part.length;
  }
}

/** Longest varint of a number that JavaScript counts with exactly. */
const MAX_VARINT_BYTES = 8;
const scratch = new Uint8Array(2 * MAX_VARINT_BYTES);

function varints(first: number, second: number): Uint8Array {
  return scratch.slice(0, putVarint(second, putVarint(first, 0)));
}

/** Writes to the scratch buffer; returns where it ends. */
function putVarint(value: number, at: number): number {
  let rest = value;
  let end = at;
  while (rest > 0x7f) {
    scratch[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  scratch[end++] = rest;
  return end;
}

/** The fields of one message in wire order; throws WireError on truncated or malformed input. */
export function* readFields(bytes: Uint8Array): Generator<WireField> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1, count = 0; count < 10; count++, scale *= 0x80) {
      const byte = bytes[at++];
      if (byte === undefined) throw new WireError('truncated varint');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new WireError('varint is longer than 10 bytes');
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new WireError(`field of ${length} bytes ends after the message`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (number === 0) throw new WireError('field number 0');
    const type = tag % 8;
    if (type === WIRE_BYTES) yield { number, type: 'bytes', value: take(varint()) };
    else if (type === WIRE_VARINT) yield { number, type: 'varint', value: varint() };
    else if (type === 1) yield { number, type: 'fixed', value: take(8) };
    else if (type === 5) yield { number, type: 'fixed', value: take(4) };
    else throw new WireError(`wire type ${type} is not supported`);
  }
}

/** Every value at a path of field numbers through nested messages: `[8, 2]` is field 2 of each field 8. */
export function* readPath(bytes: Uint8Array, path: readonly number[]): Generator<Uint8Array> {
  const [number, ...rest] = path;
  for (const field of readFields(bytes)) {
    if (field.number !== number || field.type !== 'bytes') continue;
    if (rest.length === 0) yield field.value;
    else yield* readPath(field.value, rest);
  }
}

export function text(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}
