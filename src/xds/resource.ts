import { createHash } from 'node:crypto';
import { WireWriter } from './wire/wire.ts';

/** A served xDS resource: content-hashed and encoded once, shared by every stream that sends it. */
export interface XdsResource {
  readonly typeUrl: string;
  readonly name: string;
  /** Content hash of the message. */
  readonly version: string;
  /** Encoded `google.protobuf.Any` around the message: what a SotW response repeats. */
  readonly any: Uint8Array;
  /** Encoded `envoy.service.discovery.v3.Resource` around that Any: what a delta response repeats. */
  readonly framed: Uint8Array;
}

/** Resources of one type by name. Its identity changes only with its content. */
export type ResourceMap = ReadonlyMap<string, XdsResource>;

/** Everything one proxy is to have, by type URL. Consistent: every name a resource refers to is in it. */
export type ProxySnapshot = ReadonlyMap<string, ResourceMap>;

/** Wraps an encoded message; `version` is the first 16 hex digits of its SHA-256, so equal bytes have equal versions everywhere. */
export function makeXdsResource(typeUrl: string, name: string, message: Uint8Array): XdsResource {
  const version = createHash('sha256').update(message).digest('hex').slice(0, 16);
  const any = new WireWriter().string(1, typeUrl).bytes(2, message).finish();
  const framed = new WireWriter().string(1, version).message(2, any).string(3, name).finish();
  return { typeUrl, name, version, any, framed };
}
