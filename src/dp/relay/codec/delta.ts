import { isBytes, merge, readFields, toText, WireWriter } from './wire.ts';

/** `envoy.service.discovery.v3.DeltaDiscoveryRequest`; nodes and statuses are opaque. */
export interface DeltaRequest {
  readonly node?: Uint8Array;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name → version of what the client kept from its last stream. */
  readonly initialVersions: ReadonlyMap<string, string>;
  readonly responseNonce: string;
  readonly errorDetail?: Uint8Array;
  /** Fields this codec does not know, encoded. */
  readonly rest: Uint8Array;
}

/** `envoy.service.discovery.v3.DeltaDiscoveryResponse`. */
export interface DeltaResponse {
  readonly systemVersionInfo: string;
  readonly resources: readonly DeltaResource[];
  readonly typeUrl: string;
  readonly removed: readonly string[];
  readonly nonce: string;
  readonly rest: Uint8Array;
}

/** `envoy.service.discovery.v3.Resource`. */
export interface DeltaResource {
  readonly name: string;
  readonly version: string;
  /** Encoded `google.protobuf.Any`; absent for a resource that exists only as an alias or heartbeat. */
  readonly any?: Uint8Array;
  readonly rest: Uint8Array;
}

/** Throws WireError. */
export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  let node: Uint8Array | undefined;
  let typeUrl = '';
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = new Map<string, string>();
  let responseNonce = '';
  let errorDetail: Uint8Array | undefined;
  const rest = new WireWriter();
  for (const field of readFields(bytes)) {
    if (!isBytes(field)) rest.raw(field.raw);
    else if (field.number === 1) node = merge(node, field.bytes);
    else if (field.number === 2) typeUrl = toText(field.bytes);
    else if (field.number === 3) subscribe.push(toText(field.bytes));
    else if (field.number === 4) unsubscribe.push(toText(field.bytes));
    else if (field.number === 5) initialVersions.set(...decodeEntry(field.bytes));
    else if (field.number === 6) responseNonce = toText(field.bytes);
    else if (field.number === 7) errorDetail = merge(errorDetail, field.bytes);
    else rest.raw(field.raw);
  }
  return {
    ...(node === undefined ? {} : { node }),
    typeUrl,
    subscribe,
    unsubscribe,
    initialVersions,
    responseNonce,
    ...(errorDetail === undefined ? {} : { errorDetail }),
    rest: rest.finish(),
  };
}

export function encodeDeltaRequest(request: DeltaRequest): Uint8Array {
  const writer = new WireWriter()
    .bytes(1, request.node)
    .text(2, request.typeUrl)
    .texts(3, request.subscribe)
    .texts(4, request.unsubscribe);
  for (const [name, version] of request.initialVersions) {
    writer.bytes(5, new WireWriter().text(1, name).text(2, version).finish());
  }
  return writer.text(6, request.responseNonce).bytes(7, request.errorDetail).raw(request.rest).finish();
}

/** Throws WireError. */
export function decodeDeltaResponse(bytes: Uint8Array): DeltaResponse {
  let systemVersionInfo = '';
  const resources: DeltaResource[] = [];
  let typeUrl = '';
  const removed: string[] = [];
  let nonce = '';
  const rest = new WireWriter();
  for (const field of readFields(bytes)) {
    if (!isBytes(field)) rest.raw(field.raw);
    else if (field.number === 1) systemVersionInfo = toText(field.bytes);
    else if (field.number === 2) resources.push(decodeResource(field.bytes));
    else if (field.number === 4) typeUrl = toText(field.bytes);
    else if (field.number === 5) nonce = toText(field.bytes);
    else if (field.number === 6) removed.push(toText(field.bytes));
    else rest.raw(field.raw);
  }
  return { systemVersionInfo, resources, typeUrl, removed, nonce, rest: rest.finish() };
}

export function encodeDeltaResponse(response: DeltaResponse): Uint8Array {
  const writer = new WireWriter().text(1, response.systemVersionInfo);
  for (const resource of response.resources) writer.bytes(2, encodeResource(resource));
  writer.text(4, response.typeUrl).text(5, response.nonce).texts(6, response.removed);
  return writer.raw(response.rest).finish();
}

/** Throws WireError. */
export function decodeResource(bytes: Uint8Array): DeltaResource {
  let name = '';
  let version = '';
  let any: Uint8Array | undefined;
  const rest = new WireWriter();
  for (const field of readFields(bytes)) {
    if (!isBytes(field)) rest.raw(field.raw);
    else if (field.number === 1) version = toText(field.bytes);
    else if (field.number === 2) any = merge(any, field.bytes);
    else if (field.number === 3) name = toText(field.bytes);
    else rest.raw(field.raw);
  }
  return { name, version, ...(any === undefined ? {} : { any }), rest: rest.finish() };
}

function encodeResource({ name, version, any, rest }: DeltaResource): Uint8Array {
  return new WireWriter().text(1, version).bytes(2, any).text(3, name).raw(rest).finish();
}

/** One entry of a map<string, string>. */
function decodeEntry(bytes: Uint8Array): [string, string] {
  let key = '';
  let value = '';
  for (const field of readFields(bytes)) {
    if (isBytes(field) && field.number === 1) key = toText(field.bytes);
    else if (isBytes(field) && field.number === 2) value = toText(field.bytes);
  }
  return [key, value];
}
