import { createHash } from 'node:crypto';
import { readFields, readPath, text, WireWriter } from '../../src/xds/wire/wire.ts';

/** The client's side of the ADS messages, by hand: light enough for a thousand simulated proxies in one process. */
export interface ClientNode {
  readonly id: string;
  readonly cluster?: string;
  /** Node metadata: strings, numbers, booleans, nested objects and lists of them. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface ClientRequest {
  readonly node?: ClientNode;
  readonly typeUrl: string;
  readonly nonce?: string;
  /** A NACK with this text. */
  readonly error?: string;
  /** SotW: all names. */
  readonly names?: readonly string[];
  /** SotW: the version last accepted. */
  readonly version?: string;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly initialVersions?: ReadonlyMap<string, string>;
}

export interface ReceivedResource {
  readonly name: string;
  /** Content hash: the server's own in delta, computed the same way in SotW. */
  readonly version: string;
  /** The encoded message without its Any. */
  readonly message: Uint8Array;
}

export interface ReceivedResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  /** SotW only. */
  readonly version: string;
  readonly resources: readonly ReceivedResource[];
  readonly removed: readonly string[];
}

export function encodeDeltaRequest(request: ClientRequest): Buffer {
  const writer = new WireWriter();
  if (request.node !== undefined) writer.message(1, encodeNode(request.node));
  writer.string(2, request.typeUrl);
  for (const name of request.subscribe ?? []) writer.string(3, name);
  for (const name of request.unsubscribe ?? []) writer.string(4, name);
  for (const [name, version] of request.initialVersions ?? []) {
    writer.message(5, new WireWriter().string(1, name).string(2, version).finish());
  }
  writer.string(6, request.nonce ?? '');
  if (request.error !== undefined)
    writer.message(7, new WireWriter().varint(1, 13).string(2, request.error).finish());
  return writer.finish();
}

export function encodeSotwRequest(request: ClientRequest): Buffer {
  const writer = new WireWriter().string(1, request.version ?? '');
  if (request.node !== undefined) writer.message(2, encodeNode(request.node));
  for (const name of request.names ?? []) writer.string(3, name);
  writer.string(4, request.typeUrl).string(5, request.nonce ?? '');
  if (request.error !== undefined)
    writer.message(6, new WireWriter().varint(1, 13).string(2, request.error).finish());
  return writer.finish();
}

export function decodeDeltaResponse(bytes: Uint8Array): ReceivedResponse {
  const out = {
    typeUrl: '',
    nonce: '',
    version: '',
    resources: [] as ReceivedResource[],
    removed: [] as string[],
  };
  for (const field of readFields(bytes)) {
    if (field.type !== 'bytes') continue;
    if (field.number === 2) out.resources.push(decodeResource(field.value));
    else if (field.number === 4) out.typeUrl = text(field.value);
    else if (field.number === 5) out.nonce = text(field.value);
    else if (field.number === 6) out.removed.push(text(field.value));
  }
  return out;
}

export function decodeSotwResponse(bytes: Uint8Array): ReceivedResponse {
  const out = { typeUrl: '', nonce: '', version: '', resources: [] as ReceivedResource[], removed: [] };
  for (const field of readFields(bytes)) {
    if (field.type !== 'bytes') continue;
    if (field.number === 1) out.version = text(field.value);
    else if (field.number === 2) out.resources.push(decodeAny(field.value));
    else if (field.number === 4) out.typeUrl = text(field.value);
    else if (field.number === 5) out.nonce = text(field.value);
  }
  return out;
}

function decodeResource(bytes: Uint8Array): ReceivedResource {
  let name = '';
  let version = '';
  let message: Uint8Array = Buffer.alloc(0);
  for (const field of readFields(bytes)) {
    if (field.type !== 'bytes') continue;
    if (field.number === 1) version = text(field.value);
    else if (field.number === 2) message = one(field.value, [2]) ?? message;
    else if (field.number === 3) name = text(field.value);
  }
  return { name, version, message };
}

/** SotW names a resource by field 1 of its message, which is the name in every served type. */
function decodeAny(bytes: Uint8Array): ReceivedResource {
  const message = one(bytes, [2]) ?? Buffer.alloc(0);
  const version = createHash('sha256').update(message).digest('hex').slice(0, 16);
  return { name: text(one(message, [1]) ?? Buffer.alloc(0)), version, message };
}

function one(bytes: Uint8Array, path: readonly number[]): Uint8Array | undefined {
  for (const value of readPath(bytes, path)) return value;
  return undefined;
}

function encodeNode({ id, cluster = '', metadata }: ClientNode): Buffer {
  const writer = new WireWriter().string(1, id).string(2, cluster);
  if (metadata !== undefined) writer.message(3, encodeStruct(metadata));
  return writer.string(6, 'envoy').finish();
}

function encodeStruct(value: Readonly<Record<string, unknown>>): Buffer {
  const writer = new WireWriter();
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue;
    writer.message(1, new WireWriter().string(1, key).message(2, encodeValue(field)).finish());
  }
  return writer.finish();
}

/** google.protobuf.Value: null 1, number 2, string 3, bool 4, struct 5, list 6. */
function encodeValue(value: unknown): Buffer {
  if (value === null) return Buffer.from([0x08, 0]);
  if (typeof value === 'boolean') return Buffer.from([0x20, value ? 1 : 0]);
  if (typeof value === 'string') return new WireWriter().message(3, Buffer.from(value, 'utf8')).finish();
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes[0] = 0x11;
    bytes.writeDoubleLE(value, 1);
    return bytes;
  }
  if (Array.isArray(value)) {
    const list = new WireWriter();
    for (const element of value) list.message(1, encodeValue(element));
    return new WireWriter().message(6, list.finish()).finish();
  }
  return new WireWriter().message(5, encodeStruct(value as Record<string, unknown>)).finish();
}
