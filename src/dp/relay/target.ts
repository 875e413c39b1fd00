import { readFileSync } from 'node:fs';
import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { GrpcEndpoint } from './grpc/client.ts';

/** The control plane's xDS server, as a received bootstrap describes it to Envoy. */
export interface RelayTarget {
  /** Tried in turn. */
  readonly endpoints: readonly GrpcEndpoint[];
  /** Request headers of every stream; the token is among them. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly prefers: 'delta' | 'sotw';
  /** The bootstrap asks for health discovery as well. */
  readonly hds: boolean;
}

export type ParsedTarget =
  | { readonly ok: true; readonly target: RelayTarget }
  /** Why Envoy has to talk to the control plane itself. */
  | { readonly ok: false; readonly reason: string };

export interface TargetOptions {
  /** PEM; used when the bootstrap names no CA of its own. */
  readonly caCert?: string | undefined;
  /** The user asked not to verify the control plane. */
  readonly skipVerify: boolean;
}

/** Reads the target out of a bootstrap with snake_case keys, ours or that of the real kuma-cp. */
export function parseRelayTarget(bootstrap: JsonObject, options: TargetOptions): ParsedTarget {
  const ads = object(object(bootstrap.dynamic_resources)?.ads_config);
  if (ads === undefined) return refuse('the bootstrap has no ads_config');
  if (ads.transport_api_version === 'V2') return refuse('the bootstrap asks for xDS v2');
  const service = object(list(ads.grpc_services)[0]);
  const clusterName = object(service?.envoy_grpc)?.cluster_name;
  if (service === undefined || typeof clusterName !== 'string')
    return refuse('ads_config names no cluster (envoy_grpc)');
  const cluster = list(object(bootstrap.static_resources)?.clusters)
    .map(object)
    .find((candidate) => candidate?.name === clusterName);
  if (cluster === undefined) return refuse(`there is no static cluster "${clusterName}"`);
  const addresses = addressesOf(cluster);
  if (addresses.length === 0) return refuse(`cluster "${clusterName}" has no address that can be dialled`);
  const tls = tlsOf(cluster, bootstrap, options);
  return {
    ok: true,
    target: {
      endpoints: addresses.map((address) => ({ ...address, ...(tls === undefined ? {} : { tls }) })),
      metadata: metadataOf(service),
      prefers: ads.api_type === 'DELTA_GRPC' ? 'delta' : 'sotw',
      hds: object(bootstrap.hds_config) !== undefined,
    },
  };
}

function addressesOf(cluster: JsonObject): { host: string; port: number }[] {
  return list(object(cluster.load_assignment)?.endpoints)
    .flatMap((locality) => list(object(locality)?.lb_endpoints))
    .flatMap((entry) => {
      const address = object(object(object(object(entry)?.endpoint)?.address)?.socket_address);
      const host = address?.address;
      const port = Number(address?.port_value);
      return typeof host === 'string' && port > 0 ? [{ host, port }] : [];
    });
}

function tlsOf(
  cluster: JsonObject,
  bootstrap: JsonObject,
  { caCert, skipVerify }: TargetOptions,
): GrpcEndpoint['tls'] {
  const context = object(object(cluster.transport_socket)?.typed_config);
  if (context === undefined) return undefined;
  const validation = validationOf(context, bootstrap);
  const ca = pemOf(validation?.trusted_ca) ?? caCert;
  return {
    ...(ca === undefined ? {} : { ca }),
    names: list(validation?.match_typed_subject_alt_names).flatMap((entry) => {
      const exact = object(object(entry)?.matcher)?.exact;
      return typeof exact === 'string' ? [exact] : [];
    }),
    ...(typeof context.sni === 'string' && context.sni !== '' ? { sni: context.sni } : {}),
    verify: !skipVerify,
  };
}

/** Inline, or a static secret that is named. */
function validationOf(context: JsonObject, bootstrap: JsonObject): JsonObject | undefined {
  const common = object(context.common_tls_context);
  const inline = object(common?.validation_context);
  if (inline !== undefined) return inline;
  const combined = object(common?.combined_validation_context);
  const reference = object(
    common?.validation_context_sds_secret_config ?? combined?.validation_context_sds_secret_config,
  );
  const secret = list(object(bootstrap.static_resources)?.secrets)
    .map(object)
    .find((candidate) => candidate?.name === reference?.name);
  return object(secret?.validation_context) ?? object(combined?.default_validation_context);
}

function pemOf(source: Json | undefined): string | undefined {
  const data = object(source);
  if (typeof data?.inline_string === 'string') return data.inline_string;
  if (typeof data?.inline_bytes === 'string')
    return Buffer.from(data.inline_bytes, 'base64').toString('utf8');
  if (typeof data?.filename === 'string') return readFileSync(data.filename, 'utf8');
  return undefined;
}

/** HTTP/2 wants lower-case names. */
function metadataOf(service: JsonObject): Record<string, string> {
  const entries = list(service.initial_metadata).flatMap((entry) => {
    const { key, value } = object(entry) ?? {};
    return typeof key === 'string' && typeof value === 'string' ? [[key.toLowerCase(), value] as const] : [];
  });
  return Object.fromEntries(entries);
}

function refuse(reason: string): ParsedTarget {
  return { ok: false, reason };
}

function object(value: Json | undefined): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
