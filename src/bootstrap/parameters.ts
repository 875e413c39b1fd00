import { isIP } from 'node:net';
import type { JsonObject } from '../lib/json.ts';
import type { TemplateParameters } from './template.ts';

/** What a sidecar's bootstrap depends on, in the words of its callers. */
export interface SidecarBootstrap {
  readonly nodeId: string;
  readonly nodeCluster: string;
  readonly nodeMetadata: JsonObject;
  readonly admin: AdminAddress;
  readonly ads: {
    readonly host: string;
    readonly port: number;
    readonly delta: boolean;
    /** PEM, one certificate or more. */
    readonly caPem: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
}

export type AdminAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number };

const CONNECT_TIMEOUT = '1s';

/** Parameters of `bootstrap-templates/sidecar.yaml`. */
export function toSidecarParameters({
  nodeId,
  nodeCluster,
  nodeMetadata,
  admin,
  ads,
}: SidecarBootstrap): TemplateParameters {
  const isAddress = isIP(ads.host) !== 0;
  const headers = Object.entries(ads.headers ?? {}).map(([key, value]) => ({ key, value }));
  return {
    nodeId,
    nodeCluster,
    nodeMetadata,
    adminAddress: toEnvoyAddress(admin),
    adsApiType: ads.delta ? 'DELTA_GRPC' : 'GRPC',
    adsMetadata: headers.length > 0 ? headers : undefined,
    adsHost: ads.host,
    adsPort: ads.port,
    adsClusterType: isAddress ? 'STATIC' : 'STRICT_DNS',
    adsConnectTimeout: CONNECT_TIMEOUT,
    adsSni: isAddress ? undefined : ads.host,
    adsSanType: isAddress ? 'IP_ADDRESS' : 'DNS',
    adsCaBase64: Buffer.from(ads.caPem, 'utf8').toString('base64'),
  };
}

/** Envoy's `Address`; a socket is made with mode 0600. */
export function toEnvoyAddress(admin: AdminAddress): JsonObject {
  return admin.kind === 'socket'
    ? { pipe: { path: admin.path, mode: 0o600 } }
    : { socket_address: { address: admin.address, port_value: admin.port } };
}

/** Envoy's limit for a unix socket path (108 with the closing zero), less room for its own suffix; Kuma cuts alike. */
export const SOCKET_PATH_LIMIT = 98;
