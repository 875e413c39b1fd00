// A state file, all numbers big-endian:
//
//   8 bytes  "kuma-dp\n"
//   u32      version of this format
//   u32      length of the header
//   u32      length of the body
//   header   JSON in UTF-8: whose state it is, and how the body is cut
//   body     bytes as they were received, one chunk after the other
//   32 bytes SHA-256 of everything before
//
// A write that was cut off anywhere shows in a length or in the digest.
import { createHash } from 'node:crypto';
import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { Contents } from './contents.ts';

const MAGIC = Buffer.from('kuma-dp\n');
const FORMAT_VERSION = 1;
const FIXED = MAGIC.length + 12;
const DIGEST = 32;

export type StateKind = 'bootstrap' | 'generation' | 'secrets' | 'confirmation';

/** Whose state a file holds, and since when. */
export interface StateHeader {
  readonly kind: StateKind;
  readonly mesh: string;
  readonly name: string;
  /** Origin of the control plane that sent it. */
  readonly controlPlane: string;
  /** Wall time, ms since 1970. */
  readonly writtenAt: number;
  readonly envoyVersion: string;
  /** Of the generation that is held or completed by this file; '' for others. */
  readonly generation: string;
  /** Names of Secret resources that belong to it and are kept elsewhere. */
  readonly secrets: readonly string[];
}

export interface StateFile {
  readonly header: StateHeader;
  readonly contents: Contents;
}

/** The file in pieces, so that the bytes of resources are not copied. */
export function encodeState({ header, contents: { index, chunks } }: StateFile): readonly Uint8Array[] {
  const lengths = chunks.map((chunk) => chunk.length);
  const head = Buffer.from(JSON.stringify({ ...header, index, lengths }));
  const fixed = Buffer.alloc(FIXED);
  MAGIC.copy(fixed);
  fixed.writeUInt32BE(FORMAT_VERSION, MAGIC.length);
  fixed.writeUInt32BE(head.length, MAGIC.length + 4);
  fixed.writeUInt32BE(
    lengths.reduce((sum, length) => sum + length, 0),
    MAGIC.length + 8,
  );
  const pieces: Uint8Array[] = [fixed, head, ...chunks];
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return [...pieces, hash.digest()];
}

export type DecodedState =
  | ({ readonly ok: true } & StateFile)
  /** `problem` ends the sentence "FILE ". */
  | { readonly ok: false; readonly problem: string };

/** Reads a whole file or refuses it as a whole. The chunks point into `bytes`. */
export function decodeState(bytes: Buffer): DecodedState {
  if (bytes.length === 0) return refuse('is empty');
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC.subarray(0, bytes.length)))
    return refuse('is no state of kuma-dp');
  if (bytes.length < FIXED + DIGEST) return refuse(`is cut off after ${bytes.length} bytes`);
  const format = bytes.readUInt32BE(MAGIC.length);
  if (format !== FORMAT_VERSION)
    return refuse(`has format ${format}; this agent reads format ${FORMAT_VERSION}`);
  const headLength = bytes.readUInt32BE(MAGIC.length + 4);
  const expected = FIXED + headLength + bytes.readUInt32BE(MAGIC.length + 8) + DIGEST;
  if (bytes.length !== expected) return refuse(`has ${bytes.length} bytes instead of ${expected}`);
  const content = bytes.subarray(0, expected - DIGEST);
  if (
    !createHash('sha256')
      .update(content)
      .digest()
      .equals(bytes.subarray(expected - DIGEST))
  )
    return refuse('is damaged: its checksum does not fit');
  const tree = parseHead(content.subarray(FIXED, FIXED + headLength));
  const header = toHeader(tree);
  const chunks = cut(content.subarray(FIXED + headLength), tree.lengths);
  if (header === undefined || chunks === undefined) return refuse('has a header that makes no sense');
  return { ok: true, header, contents: { index: tree.index ?? null, chunks } };
}

function parseHead(bytes: Buffer): JsonObject {
  try {
    const tree: unknown = JSON.parse(bytes.toString('utf8'));
    return isJsonObject(tree) ? tree : {};
  } catch {
    return {};
  }
}

const KINDS: readonly string[] = [
  'bootstrap',
  'generation',
  'secrets',
  'confirmation',
] satisfies readonly StateKind[];

function toHeader(tree: JsonObject): StateHeader | undefined {
  const { kind, mesh, name, controlPlane, writtenAt, envoyVersion, generation, secrets } = tree;
  if (typeof kind !== 'string' || !KINDS.includes(kind) || typeof writtenAt !== 'number') return undefined;
  if (typeof mesh !== 'string' || typeof name !== 'string' || typeof controlPlane !== 'string')
    return undefined;
  if (typeof envoyVersion !== 'string' || typeof generation !== 'string' || !isTexts(secrets))
    return undefined;
  return {
    kind: kind as StateKind,
    mesh,
    name,
    controlPlane,
    writtenAt,
    envoyVersion,
    generation,
    secrets,
  };
}

function isTexts(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item: Json) => typeof item === 'string');
}

/** Undefined unless the lengths cover the body to its last byte. */
function cut(body: Buffer, lengths: Json | undefined): readonly Uint8Array[] | undefined {
  if (!Array.isArray(lengths)) return undefined;
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths as readonly Json[]) {
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 0) return undefined;
    if (at + length > body.length) return undefined;
    chunks.push(body.subarray(at, at + length));
    at += length;
  }
  return at === body.length ? chunks : undefined;
}

function refuse(problem: string): DecodedState {
  return { ok: false, problem };
}
