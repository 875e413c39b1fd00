import type { DataplaneSpec, Inbound, Protocol } from '../../model/resources/dataplane-spec.ts';
import { PROTOCOL_TAG, SERVICE_TAG, type Tags } from '../../model/tags.ts';
import type { DataplaneView, Endpoint, Liveness, ServiceMember } from './snapshot.ts';

const PROTOCOLS: readonly string[] = ['tcp', 'http', 'http2', 'grpc', 'kafka'] satisfies readonly Protocol[];

/** What one proxy contributes to services, in the order of its inbounds. */
export function membersOf(
  view: DataplaneView,
  liveness: Liveness,
): readonly (readonly [string, ServiceMember])[] {
  return (view.spec.networking.inbound ?? []).flatMap((inbound) => {
    const service = inbound.tags[SERVICE_TAG];
    if (service === undefined || inbound.state === 'Ignored') return [];
    const endpoint = isReady(inbound) && liveness !== 'out' ? toEndpoint(view, inbound, liveness) : undefined;
    return [[service, { dataplane: view.name, protocol: protocolOf(inbound), endpoint }] as const];
  });
}

/** The inbound's `protocol`, else its tag; anything unknown is carried as TCP. */
export function protocolOf(inbound: Inbound): Protocol {
  const text = inbound.protocol ?? inbound.tags[PROTOCOL_TAG] ?? 'tcp';
  return isProtocol(text) ? text : 'tcp';
}

/** Address an inbound listens on. */
export function inboundAddress(spec: DataplaneSpec, inbound: Inbound): string {
  return inbound.address ?? spec.networking.address;
}

function isReady({ state, health }: Inbound): boolean {
  return (state === undefined || state === 'Ready') && health?.ready !== false;
}

function toEndpoint(view: DataplaneView, inbound: Inbound, liveness: Liveness): Endpoint {
  return {
    address: view.spec.networking.advertisedAddress ?? inboundAddress(view.spec, inbound),
    port: inbound.port,
    tags: endpointTags(inbound),
    health: liveness === 'degraded' ? 'degraded' : 'healthy',
    dataplane: view.name,
  };
}

function endpointTags({ tags, protocol }: Inbound): Tags {
  return protocol === undefined || protocol === tags[PROTOCOL_TAG]
    ? tags
    : { ...tags, [PROTOCOL_TAG]: protocol };
}

function isProtocol(text: string): text is Protocol {
  return PROTOCOLS.includes(text);
}
