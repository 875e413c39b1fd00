import { createRegistry, type DescMessage, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '../../src/proto/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '../../src/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '../../src/proto/gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '../../src/proto/gen/envoy/config/route/v3/route_pb.js';
import { RouterSchema } from '../../src/proto/gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '../../src/proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '../../src/proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { HttpProtocolOptionsSchema } from '../../src/proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { ResourceMap, XdsResource } from '../../src/xds/resource.ts';

const SERVED: readonly DescMessage[] = [
  ClusterSchema,
  ClusterLoadAssignmentSchema,
  ListenerSchema,
  RouteConfigurationSchema,
];
const registry = createRegistry(
  ...SERVED,
  RouterSchema,
  HttpConnectionManagerSchema,
  TcpProxySchema,
  HttpProtocolOptionsSchema,
);

/** Envoy's own JSON of a served resource: what its configuration files and config dump show. */
export function xdsToJson({ typeUrl, any }: XdsResource): JsonValue {
  const schema = SERVED.find((s) => typeUrl.endsWith(`/${s.typeName}`));
  if (schema === undefined) throw new Error(`no schema for ${typeUrl}`);
  const message = fromBinary(schema, fromBinary(AnySchema, any).value);
  return toJson(schema, message, { registry, useProtoFieldName: true });
}

export function mapToJson(map: ResourceMap | undefined): readonly JsonValue[] {
  return [...(map?.values() ?? [])].map(xdsToJson);
}
