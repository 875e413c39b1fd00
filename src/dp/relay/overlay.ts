import { mergeTrees } from '../../bootstrap/merge.ts';
import { renderTemplate } from '../../bootstrap/template.ts';
import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';

export interface RelayOverlay {
  /** Text of `bootstrap-templates/overlays/relay.yaml`. */
  readonly template: string;
  readonly socketPath: string;
  /** Restart epoch of the Envoy this bootstrap is for. */
  readonly epoch: number;
  readonly hds: boolean;
}

/**
 * Points a received bootstrap at the relay. What the control plane's xDS server needs to be reached (its cluster, CA
 * and the authorization of the requests) is taken out: it concerns the relay alone.
 */
export function overlayRelay(received: JsonObject, overlay: RelayOverlay): JsonObject {
  const { template, socketPath, epoch, hds } = overlay;
  const parameters = { relaySocketPath: socketPath, epoch: String(epoch) };
  const rendered = renderTemplate(template, parameters);
  const { static_resources: added, hds_config: hdsConfig, ...rest } = rendered;
  const stripped = withoutControlPlane(received);
  const merged = mergeTrees(
    stripped,
    hds && hdsConfig !== undefined ? { ...rest, hds_config: hdsConfig } : rest,
  );
  return { ...merged, static_resources: appendTo(asObject(stripped.static_resources), asObject(added)) };
}

/** The number an Envoy with this bootstrap has at the relay; undefined when it does not go through one. */
export function readRelayEpoch(bootstrap: JsonObject): number | undefined {
  const ads = asObject(asObject(bootstrap.dynamic_resources).ads_config);
  const entries = asList(ads.grpc_services).flatMap((service) => asList(asObject(service).initial_metadata));
  const entry = entries.map(asObject).find(({ key }) => key === EPOCH_HEADER);
  const epoch = Number(entry?.value ?? Number.NaN);
  return Number.isSafeInteger(epoch) ? epoch : undefined;
}

/** Request header that tells which Envoy speaks; set by the template. */
export const EPOCH_HEADER = 'x-kuma-dp-epoch';

function withoutControlPlane(bootstrap: JsonObject): JsonObject {
  const { hds_config: hds, ...rest } = bootstrap;
  const dynamic = asObject(bootstrap.dynamic_resources);
  const { ads_config: ads, ...sets } = dynamic;
  const names = new Set([...clusterNames(ads), ...clusterNames(hds)]);
  const resources = asObject(bootstrap.static_resources);
  const clusters = asList(resources.clusters);
  const isTheirs = (cluster: Json) => isJsonObject(cluster) && names.has(String(cluster.name));
  const kept = clusters.filter((cluster) => !isTheirs(cluster));
  // Secrets that only the removed clusters refer to.
  const left = JSON.stringify({ ...rest, static_resources: { ...resources, clusters: kept, secrets: [] } });
  const gone = JSON.stringify(clusters.filter(isTheirs));
  const secrets = asList(resources.secrets).filter((secret) => {
    const name = JSON.stringify(isJsonObject(secret) ? (secret.name ?? '') : '');
    return !gone.includes(name) || left.includes(name);
  });
  return {
    ...rest,
    dynamic_resources: sets,
    static_resources: {
      ...resources,
      clusters: kept,
      ...(resources.secrets === undefined ? {} : { secrets }),
    },
  };
}

function clusterNames(config: Json | undefined): string[] {
  return asList(asObject(config).grpc_services).flatMap((service) => {
    const name = asObject(asObject(service).envoy_grpc).cluster_name;
    return typeof name === 'string' ? [name] : [];
  });
}

/** Lists grow; in a merge they would be replaced. */
function appendTo(base: JsonObject, added: JsonObject): JsonObject {
  return { ...base, clusters: [...asList(base.clusters), ...asList(added.clusters)] };
}

function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
