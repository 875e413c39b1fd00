import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';

/**
 * `fresh` with what leads to the control plane taken from `base`: the clusters of xDS and health discovery, and the
 * secrets they name. With a relay only the agent uses it, and another control plane is no reason to touch Envoy.
 */
export function withUpstreamOf(base: JsonObject, fresh: JsonObject): JsonObject {
  const names = new Set(clusterNames(fresh));
  const ours = asObject(fresh.static_resources);
  const theirs = asObject(base.static_resources);
  const clusters = asList(ours.clusters);
  const upstream = JSON.stringify(clusters.filter((cluster) => names.has(nameOf(cluster))));
  const isUpstreamSecret = (secret: Json) =>
    nameOf(secret) !== '' && upstream.includes(JSON.stringify(nameOf(secret)));
  return {
    ...fresh,
    static_resources: {
      ...ours,
      ...(ours.clusters === undefined
        ? {}
        : { clusters: replace(clusters, theirs.clusters, (cluster) => names.has(nameOf(cluster))) }),
      ...(ours.secrets === undefined
        ? {}
        : { secrets: replace(asList(ours.secrets), theirs.secrets, isUpstreamSecret) }),
    },
  };
}

function replace(list: readonly Json[], others: Json | undefined, isMeant: (item: Json) => boolean): Json[] {
  return list.map((item) =>
    isMeant(item) ? (asList(others).find((other) => nameOf(other) === nameOf(item)) ?? item) : item,
  );
}

function clusterNames({ dynamic_resources: dynamic, hds_config: hds }: JsonObject): string[] {
  return [asObject(dynamic).ads_config, hds]
    .flatMap((config) => asList(asObject(config).grpc_services))
    .map((service) => asObject(asObject(service).envoy_grpc).cluster_name)
    .filter((name) => typeof name === 'string');
}

function nameOf(item: Json): string {
  const { name } = asObject(item);
  return typeof name === 'string' ? name : '';
}

function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
