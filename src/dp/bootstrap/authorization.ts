import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';

/** The bootstrap without what proves the proxy to the control plane, wherever it stands: for files that stay. */
export function withoutAuthorization(bootstrap: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(bootstrap).flatMap(([key, value]): readonly (readonly [string, Json])[] => {
      if (key !== 'initial_metadata' || !Array.isArray(value)) return [[key, strip(value)]];
      const rest = value.filter((entry: Json) => !isAuthorization(entry));
      return rest.length === 0 ? [] : [[key, rest]];
    }),
  );
}

/** Puts the token of today into the streams of a bootstrap that was saved without one. */
export function withAuthorization(bootstrap: JsonObject, token: string | undefined): JsonObject {
  const dynamic = bootstrap.dynamic_resources;
  if (token === undefined) return bootstrap;
  const entry = { key: 'authorization', value: token };
  const hds = isJsonObject(bootstrap.hds_config) ? authorize(bootstrap.hds_config, entry) : undefined;
  const ads =
    isJsonObject(dynamic) && isJsonObject(dynamic.ads_config)
      ? authorize(dynamic.ads_config, entry)
      : undefined;
  return {
    ...bootstrap,
    ...(hds === undefined ? {} : { hds_config: hds }),
    ...(ads === undefined || !isJsonObject(dynamic)
      ? {}
      : { dynamic_resources: { ...dynamic, ads_config: ads } }),
  };
}

function strip(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => strip(item));
  return isJsonObject(value) ? withoutAuthorization(value) : value;
}

function isAuthorization(entry: Json): boolean {
  return isJsonObject(entry) && typeof entry.key === 'string' && entry.key.toLowerCase() === 'authorization';
}

function authorize(config: JsonObject, entry: JsonObject): JsonObject {
  if (!Array.isArray(config.grpc_services)) return config;
  const services = config.grpc_services.map((service: Json) => {
    if (!isJsonObject(service)) return service;
    const others = Array.isArray(service.initial_metadata) ? service.initial_metadata : [];
    return { ...service, initial_metadata: [...others.filter((e: Json) => !isAuthorization(e)), entry] };
  });
  return { ...config, grpc_services: services };
}
