import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../src/envoy/type-urls.ts';
import { readFields, readPath, text } from '../../src/xds/wire/wire.ts';

/** Field numbers from a TransportSocket to the names of the SDS secrets its TLS context uses. */
const TLS_CONTEXT = [3, 2, 1];
const SECRET_PATHS = [
  [...TLS_CONTEXT, 6, 1],
  [...TLS_CONTEXT, 7, 1],
  [...TLS_CONTEXT, 8, 2, 1],
];

/** From Listener to TransportSocket and to Rds.route_config_name, in filter chains and the default chain. */
const CHAINS = [3, 25];
const FILTER_CONFIGS = [3, 4];
const RDS_ROUTE_NAME = [3, 2];

const CLUSTER_TRANSPORT_SOCKETS = [[24], [43, 3]];

/** What a cluster or listener needs besides itself, by type. */
export function references(
  typeUrl: string,
  name: string,
  message: Uint8Array,
): ReadonlyMap<string, readonly string[]> {
  if (typeUrl === CLUSTER) {
    return new Map([
      [ENDPOINT, assignmentName(name, message)],
      [SECRET, secretNames(message, CLUSTER_TRANSPORT_SOCKETS)],
    ]);
  }
  if (typeUrl !== LISTENER) return new Map();
  const routes = CHAINS.flatMap((chain) =>
    [...readPath(message, [chain, ...FILTER_CONFIGS])].flatMap(routeNames),
  );
  return new Map([
    [ROUTE, unique(routes)],
    [
      SECRET,
      secretNames(
        message,
        CHAINS.map((chain) => [chain, 6]),
      ),
    ],
  ]);
}

/** Other network filters have other things under the same numbers: only HTTP connection managers are looked into. */
function routeNames(filterConfig: Uint8Array): string[] {
  const [typeUrl] = readPath(filterConfig, [1]);
  if (typeUrl === undefined || !text(typeUrl).endsWith('.HttpConnectionManager')) return [];
  return [...readPath(filterConfig, [2, ...RDS_ROUTE_NAME])].map(text);
}

function assignmentName(name: string, message: Uint8Array): string[] {
  let eds = false;
  let service = name;
  for (const field of readFields(message)) {
    if (field.number === 2 && field.type === 'varint') eds = field.value === 3;
    if (field.number === 3 && field.type === 'bytes')
      for (const value of readPath(field.value, [2])) service = text(value) || name;
  }
  return eds ? [service] : [];
}

function secretNames(message: Uint8Array, sockets: readonly (readonly number[])[]): string[] {
  return unique(
    sockets.flatMap((socket) =>
      SECRET_PATHS.flatMap((path) => [...readPath(message, [...socket, ...path])].map(text)),
    ),
  );
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].filter((name) => name !== '');
}
