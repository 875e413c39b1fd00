import type { UpstreamHttp } from '../../envoy/cluster.ts';
import type { Protocol } from '../../model/resources/dataplane-spec.ts';

/** Whether a listener for it understands requests; the others carry bytes. */
export function isHttp(protocol: Protocol): boolean {
  return protocol === 'http' || protocol === 'http2' || protocol === 'grpc';
}

export function upstreamHttp(protocol: Protocol): UpstreamHttp {
  if (!isHttp(protocol)) return undefined;
  return protocol === 'http' ? 'http1' : 'http2';
}
