/**
 * The protobuf wire format as far as envelopes need it. Whatever an envelope does not know stays as the bytes it came
 * in, so that a message can be passed on whole. Format: protocol buffers documentation, "Encoding".
 */
export interface WireField {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly type: number;
  /** Content of a length-delimited field, a view into the input; empty for other types. */
  readonly bytes: Uint8Array;
  /** The field with its tag. */
  readonly raw: Uint8Array;
}

/** Bytes that are no protobuf message. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const NOTHING = new Uint8Array(0);

/** The fields of a message in wire order, none of them copied. Throws WireError at the first malformed byte. */
export function* readFields(message: Uint8Array): Generator<WireField> {
  for (let at = 0; at < message.length; ) {
    const tag = readVarint(message, at);
    const number = tag.value >>> 3;
    const type = tag.value & 7;
    if (number === 0 || tag.value > 0xffff_ffff || tag.value < 0) throw new WireError('bad field tag');
    const content = measure(message, tag.end, type);
    yield {
      number,
      type,
      bytes: type === BYTES ? message.subarray(content.start, content.end) : NOTHING,
      raw: message.subarray(at, content.end),
    };
    at = content.end;
  }
}

function measure(message: Uint8Array, at: number, type: number): { start: number; end: number } {
  if (type === VARINT) return { start: at, end: readVarint(message, at).end };
  const length = type === BYTES ? readVarint(message, at) : undefined;
  const size = type === FIXED64 ? 8 : type === FIXED32 ? 4 : length?.value;
  if (size === undefined) throw new WireError(`wire type ${type} is not supported`);
  const start = length?.end ?? at;
  if (start + size > message.length) throw new WireError(`a field of ${size} bytes ends after its message`);
  return { start, end: start + size };
}

/** Exact up to 2^53; longer ones are only skipped. */
function readVarint(message: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; at < start + 10; at++, scale *= 0x80) {
    const byte = message[at];
    if (byte === undefined) throw new WireError('truncated number');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new WireError('number of more than 10 bytes');
}

/** Value of a varint field, exact up to 2^53; 0 for other types. */
export function numberOf({ type, raw }: WireField): number {
  return type === VARINT ? readVarint(raw, readVarint(raw, 0).end).value : 0;
}

/** Builds a message field by field. */
export class WireWriter {
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  /** Left out when empty, as proto3 does with singular strings. */
  text(field: number, value: string): this {
    return value === '' ? this : this.bytes(field, Buffer.from(value, 'utf8'));
  }

  /** Each of a repeated field, empty ones too. */
  texts(field: number, values: Iterable<string>): this {
    for (const value of values) this.bytes(field, Buffer.from(value, 'utf8'));
    return this;
  }

  /** A length-delimited field, also when empty; left out when undefined. */
  bytes(field: number, value: Uint8Array | undefined): this {
    if (value === undefined) return this;
    return this.raw(Uint8Array.from([...varint(field * 8 + BYTES), ...varint(value.length)])).raw(value);
  }

  number(field: number, value: number): this {
    return value === 0 ? this : this.raw(Uint8Array.from([...varint(field * 8 + VARINT), ...varint(value)]));
  }

  /** Whole fields, already encoded. */
  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#size += bytes.length;
    return this;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts, this.#size);
  }
}

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80);
  out.push(rest);
  return out;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws WireError when the bytes are no UTF-8: protobuf strings always are. */
export function toText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new WireError('text that is not UTF-8');
  }
}

/** A field that comes twice: messages merge, which on the wire is one after the other. */
export function merge(before: Uint8Array | undefined, more: Uint8Array): Uint8Array {
  return before === undefined || before.length === 0 ? more : Buffer.concat([before, more]);
}

export function isBytes({ type }: WireField): boolean {
  return type === BYTES;
}
