import { mergeTrees } from '../../bootstrap/merge.ts';
import { renderTemplate } from '../../bootstrap/template.ts';
import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { AdminPlace } from '../admin-place.ts';

/** The agent's overlays as texts, read once by the caller. */
export interface OverlayTemplates {
  readonly adminSocket: string;
  readonly adminPort: string;
  readonly relay: string;
}

/**
 * Lays what only the agent can know over a received bootstrap, ours or the real kuma-cp's: where the admin interface
 * is, here and in the node's metadata, and how soon Envoy asks again for a lost xDS stream.
 */
export function overlayBootstrap(
  received: JsonObject,
  admin: AdminPlace,
  templates: OverlayTemplates,
): JsonObject {
  const overlay =
    'port' in admin
      ? renderTemplate(templates.adminPort, { adminPort: admin.port })
      : renderTemplate(templates.adminSocket, { adminSocketPath: admin.socketPath });
  return boundXdsRetry(
    mergeTrees(mergeTrees(received, overlay), { node: { metadata: adminMetadata(admin) } }),
  );
}

/** Which of the two dynamic sets Envoy waits for; a bootstrap without them is ready once its static part is. */
export function readExpectations(bootstrap: JsonObject): { readonly lds: boolean; readonly cds: boolean } {
  const dynamic = isJsonObject(bootstrap.dynamic_resources) ? bootstrap.dynamic_resources : {};
  return { lds: dynamic.lds_config !== undefined, cds: dynamic.cds_config !== undefined };
}

function adminMetadata(admin: AdminPlace): JsonObject {
  return 'port' in admin
    ? {
        'dataplane.admin.port': String(admin.port),
        'dataplane.admin.address': '127.0.0.1',
        'dataplane.admin.socketPath': null,
      }
    : { 'dataplane.admin.socketPath': admin.socketPath };
}

/** Envoy's own pause between two attempts grows to 30 s; a control plane that is back is to be found in about one. */
const RETRY: JsonObject = { retry_policy: { retry_back_off: { base_interval: '0.2s', max_interval: '1s' } } };

function boundXdsRetry(bootstrap: JsonObject): JsonObject {
  const dynamic = bootstrap.dynamic_resources;
  const ads = isJsonObject(dynamic) ? dynamic.ads_config : undefined;
  if (!isJsonObject(dynamic) || !isJsonObject(ads) || !Array.isArray(ads.grpc_services)) return bootstrap;
  const services = ads.grpc_services.map((service: Json) =>
    isJsonObject(service) && isJsonObject(service.envoy_grpc)
      ? { ...service, envoy_grpc: mergeTrees(service.envoy_grpc, RETRY) }
      : service,
  );
  return { ...bootstrap, dynamic_resources: { ...dynamic, ads_config: { ...ads, grpc_services: services } } };
}
