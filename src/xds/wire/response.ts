import type { XdsResponse } from '../machine.ts';
import { WireWriter } from './wire.ts';

/** Field numbers of envoy.service.discovery.v3.DeltaDiscoveryResponse, in the order of writing. */
export function encodeDeltaResponse(response: XdsResponse): Buffer {
  const writer = new WireWriter();
  for (const resource of response.resources) writer.message(2, resource.framed);
  writer.string(4, response.typeUrl).string(5, response.nonce);
  for (const name of response.removed) writer.message(6, Buffer.from(name, 'utf8'));
  return writer.finish();
}

/** The same for DiscoveryResponse. */
export function encodeSotwResponse(response: XdsResponse): Buffer {
  const writer = new WireWriter().string(1, response.version);
  for (const resource of response.resources) writer.message(2, resource.any);
  return writer.string(4, response.typeUrl).string(5, response.nonce).finish();
}
