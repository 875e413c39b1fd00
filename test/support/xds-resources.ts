import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../src/envoy/type-urls.ts';
import {
  makeXdsResource,
  type ProxySnapshot,
  type ResourceMap,
  type XdsResource,
} from '../../src/xds/resource.ts';
import { WireWriter } from '../../src/xds/wire/wire.ts';

const HTTP_CONNECTION_MANAGER =
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** Small but well-formed xDS resources, written by hand so that thousands cost nothing. `salt` makes versions differ. */
export function edsCluster(name: string, salt = '', serviceName = ''): XdsResource {
  const edsConfig = new WireWriter().string(2, serviceName).finish();
  const message = new WireWriter()
    .string(1, name)
    .varint(2, 3)
    .message(3, edsConfig)
    .string(28, salt)
    .finish();
  return makeXdsResource(CLUSTER, name, message);
}

export function staticCluster(name: string, salt = ''): XdsResource {
  return makeXdsResource(CLUSTER, name, new WireWriter().string(1, name).string(28, salt).finish());
}

export function assignment(name: string, salt = ''): XdsResource {
  return makeXdsResource(ENDPOINT, name, new WireWriter().string(1, name).string(99, salt).finish());
}

/** A listener whose one HTTP filter takes its routes from RDS, or none. */
export function listener(name: string, { route = '', salt = '' } = {}): XdsResource {
  const writer = new WireWriter().string(1, name);
  if (route !== '') {
    const rds = new WireWriter().string(2, route).finish();
    const manager = new WireWriter().message(3, rds).finish();
    const any = new WireWriter().string(1, HTTP_CONNECTION_MANAGER).bytes(2, manager).finish();
    const filter = new WireWriter().message(4, any).finish();
    writer.message(3, new WireWriter().message(3, filter).finish());
  }
  return makeXdsResource(LISTENER, name, writer.string(99, salt).finish());
}

export function route(name: string, salt = ''): XdsResource {
  return makeXdsResource(ROUTE, name, new WireWriter().string(1, name).string(99, salt).finish());
}

export function secret(name: string, salt = ''): XdsResource {
  return makeXdsResource(SECRET, name, new WireWriter().string(1, name).string(99, salt).finish());
}

/** A snapshot of these resources; give the one before to keep the identity of type maps that do not change. */
export function snapshotOf(resources: readonly XdsResource[], before?: ProxySnapshot): ProxySnapshot {
  const byType = new Map<string, Map<string, XdsResource>>();
  for (const typeUrl of [CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET]) byType.set(typeUrl, new Map());
  for (const resource of resources) byType.get(resource.typeUrl)?.set(resource.name, resource);
  const out = new Map<string, ResourceMap>();
  for (const [typeUrl, map] of byType) {
    const old = before?.get(typeUrl);
    out.set(typeUrl, old !== undefined && equalMaps(old, map) ? old : map);
  }
  return out;
}

function equalMaps(a: ResourceMap, b: ResourceMap): boolean {
  return a.size === b.size && [...a].every(([name, resource]) => b.get(name)?.version === resource.version);
}
