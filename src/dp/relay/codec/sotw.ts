import { isBytes, merge, readFields, toText, WireWriter } from './wire.ts';

/** `envoy.service.discovery.v3.DiscoveryRequest`; nodes and statuses are opaque. */
export interface SotwRequest {
  readonly versionInfo: string;
  readonly node?: Uint8Array;
  readonly resourceNames: readonly string[];
  readonly typeUrl: string;
  readonly responseNonce: string;
  readonly errorDetail?: Uint8Array;
  /** Fields this codec does not know, encoded. */
  readonly rest: Uint8Array;
}

/** `envoy.service.discovery.v3.DiscoveryResponse`. */
export interface SotwResponse {
  readonly versionInfo: string;
  /** Encoded `google.protobuf.Any` each. */
  readonly resources: readonly Uint8Array[];
  readonly typeUrl: string;
  readonly nonce: string;
  readonly rest: Uint8Array;
}

/** Throws WireError. */
export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  let versionInfo = '';
  let node: Uint8Array | undefined;
  const resourceNames: string[] = [];
  let typeUrl = '';
  let responseNonce = '';
  let errorDetail: Uint8Array | undefined;
  const rest = new WireWriter();
  for (const field of readFields(bytes)) {
    if (!isBytes(field)) rest.raw(field.raw);
    else if (field.number === 1) versionInfo = toText(field.bytes);
    else if (field.number === 2) node = merge(node, field.bytes);
    else if (field.number === 3) resourceNames.push(toText(field.bytes));
    else if (field.number === 4) typeUrl = toText(field.bytes);
    else if (field.number === 5) responseNonce = toText(field.bytes);
    else if (field.number === 6) errorDetail = merge(errorDetail, field.bytes);
    else rest.raw(field.raw);
  }
  return {
    versionInfo,
    ...(node === undefined ? {} : { node }),
    resourceNames,
    typeUrl,
    responseNonce,
    ...(errorDetail === undefined ? {} : { errorDetail }),
    rest: rest.finish(),
  };
}

export function encodeSotwRequest(request: SotwRequest): Uint8Array {
  return new WireWriter()
    .text(1, request.versionInfo)
    .bytes(2, request.node)
    .texts(3, request.resourceNames)
    .text(4, request.typeUrl)
    .text(5, request.responseNonce)
    .bytes(6, request.errorDetail)
    .raw(request.rest)
    .finish();
}

/** Throws WireError. */
export function decodeSotwResponse(bytes: Uint8Array): SotwResponse {
  let versionInfo = '';
  const resources: Uint8Array[] = [];
  let typeUrl = '';
  let nonce = '';
  const rest = new WireWriter();
  for (const field of readFields(bytes)) {
    if (!isBytes(field)) rest.raw(field.raw);
    else if (field.number === 1) versionInfo = toText(field.bytes);
    else if (field.number === 2) resources.push(field.bytes);
    else if (field.number === 4) typeUrl = toText(field.bytes);
    else if (field.number === 5) nonce = toText(field.bytes);
    else rest.raw(field.raw);
  }
  return { versionInfo, resources, typeUrl, nonce, rest: rest.finish() };
}

export function encodeSotwResponse(response: SotwResponse): Uint8Array {
  const writer = new WireWriter().text(1, response.versionInfo);
  for (const any of response.resources) writer.bytes(2, any);
  return writer.text(4, response.typeUrl).text(5, response.nonce).raw(response.rest).finish();
}
