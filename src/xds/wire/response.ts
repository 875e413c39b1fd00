import type { XdsResponse } from '../machine.ts';
import { WireWriter } from './wire.ts';

/** Field numbers of envoy.service.discovery.v3.DeltaDiscoveryResponse, in the order of writing. */
export function encodeDeltaResponse(response: XdsResponse): Buffer {
  const writer = new WireWriter();
  for (const resource of response.resources) writer.message(2, resource.framed);
  writer.message(4, utf8Of(response.typeUrl)).string(5, response.nonce);
  for (const name of response.removed) writer.message(6, Buffer.from(name, 'utf8'));
  return writer.finish();
}

/** The same for DiscoveryResponse. */
export function encodeSotwResponse(response: XdsResponse): Buffer {
  const writer = new WireWriter().string(1, response.version);
  for (const resource of response.resources) writer.message(2, resource.any);
  return writer.message(4, utf8Of(response.typeUrl)).string(5, response.nonce).finish();
}

const KNOWN_TYPES = 32;
const encoded = new Map<string, Buffer>();

/** A type URL is in every response, and there are few of them. */
function utf8Of(typeUrl: string): Buffer {
  let bytes = encoded.get(typeUrl);
  if (bytes === undefined) {
    bytes = Buffer.from(typeUrl, 'utf8');
    if (encoded.size < KNOWN_TYPES) encoded.set(typeUrl, bytes);
  }
  return bytes;
}
