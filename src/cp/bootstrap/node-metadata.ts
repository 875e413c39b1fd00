import { type BootstrapRequest, DATAPLANE_RESOURCE } from '../../bootstrap/contract.ts';
import type { AdminAddress } from '../../bootstrap/parameters.ts';
import type { Json, JsonObject } from '../../lib/json.ts';

/**
 * Node metadata of a sidecar: what the control plane wants back with each stream. Keys are Kuma's; ports are strings
 * there. The token is never among them.
 */
export function toNodeMetadata(request: BootstrapRequest, admin: AdminAddress): JsonObject {
  const entries: [string, Json | undefined][] = [
    ['dataplane.proxyType', 'dataplane'],
    ['dataplane.admin.port', String(admin.kind === 'tcp' ? admin.port : 9901)],
    ['dataplane.admin.address', '127.0.0.1'],
    ['dataplane.admin.socketPath', admin.kind === 'socket' ? admin.path : undefined],
    [
      'dataplane.readinessReporter.port',
      request.readinessPort === undefined ? undefined : String(request.readinessPort),
    ],
    [DATAPLANE_RESOURCE, request.dataplaneResource],
    ['dynamicMetadata', request.dynamicMetadata ?? undefined],
    [
      'version',
      request.version === undefined
        ? undefined
        : { kumaDp: { ...request.version.kumaDp }, envoy: { ...request.version.envoy } },
    ],
    ['features', request.features === undefined ? undefined : [...request.features]],
    ['workdir', request.workdir],
    ['ipv6Enabled', request.ipv6Enabled],
  ];
  return Object.fromEntries(entries.filter((e): e is [string, Json] => e[1] !== undefined));
}

/** Text of the Dataplane the agent brought, from the metadata of a stream's node. */
export function broughtDataplane(metadata: Readonly<Record<string, unknown>>): string | undefined {
  const text = metadata[DATAPLANE_RESOURCE];
  return typeof text === 'string' && text !== '' ? text : undefined;
}
