import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { HeaderValueOption_HeaderAppendAction } from '../proto/gen/envoy/config/core/v3/base_pb.js';
import {
  type Route,
  type RouteActionSchema,
  type RouteMatchSchema,
  RouteSchema,
} from '../proto/gen/envoy/config/route/v3/route_components_pb.js';
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from '../proto/gen/envoy/config/route/v3/route_pb.js';
import { duration } from './duration.ts';
import { type StringMatch, stringMatcher } from './string-match.ts';
import type { WeightedCluster } from './weighted-cluster.ts';

export interface HttpMatch {
  readonly path?: StringMatch;
  readonly method?: StringMatch;
  readonly headers?: Readonly<Record<string, StringMatch>>;
}

export interface Substitution {
  readonly pattern: string;
  readonly substitution: string;
}

export interface HeaderEdits {
  /** Overwrites unless `append`. */
  readonly add?: readonly { readonly name: string; readonly value: string; readonly append?: boolean }[];
  readonly remove?: readonly { readonly name: string }[];
}

export interface HttpEdits {
  readonly path?: { readonly rewritePrefix?: string; readonly regex?: Substitution };
  readonly host?: { readonly value?: string; readonly fromPath?: Substitution };
  readonly requestHeaders?: HeaderEdits;
  readonly responseHeaders?: HeaderEdits;
}

export interface HttpRouteParams {
  readonly match: HttpMatch;
  /** At least one, weights above zero. Each request picks one. */
  readonly clusters: readonly WeightedCluster[];
  readonly modify?: HttpEdits;
}

/** One virtual host for every authority: a listener stands for one service. The first matching route wins. */
export function routeConfiguration(name: string, routes: readonly HttpRouteParams[]): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [{ name, domains: ['*'], routes: routes.map(route) }],
    // The configuration may name a cluster that arrives a moment later on the same stream.
    validateClusters: false,
  });
}

function route({ match, clusters, modify = {} }: HttpRouteParams): Route {
  const { requestHeaders, responseHeaders } = modify;
  return create(RouteSchema, {
    match: routeMatch(match),
    action: { case: 'route', value: { ...target(clusters), ...rewrites(modify), timeout: duration(0) } },
    requestHeadersToAdd: headersToAdd(requestHeaders),
    requestHeadersToRemove: (requestHeaders?.remove ?? []).map((h) => h.name),
    responseHeadersToAdd: headersToAdd(responseHeaders),
    responseHeadersToRemove: (responseHeaders?.remove ?? []).map((h) => h.name),
  });
}

function routeMatch({ path, method, headers = {} }: HttpMatch): MessageInitShape<typeof RouteMatchSchema> {
  const named: [string, StringMatch][] = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  if (method !== undefined) named.push([':method', method]);
  return {
    pathSpecifier: pathSpecifier(path),
    headers: named.map(([name, match]) => ({
      name,
      headerMatchSpecifier: { case: 'stringMatch' as const, value: stringMatcher(match) },
    })),
  };
}

function pathSpecifier(path: StringMatch = {}) {
  if (path.exact !== undefined) return { case: 'path' as const, value: path.exact };
  if (path.regex !== undefined) return { case: 'safeRegex' as const, value: { regex: path.regex } };
  return { case: 'prefix' as const, value: path.prefix ?? '/' };
}

type RouteActionInit = MessageInitShape<typeof RouteActionSchema>;

function target(clusters: readonly WeightedCluster[]): Pick<RouteActionInit, 'clusterSpecifier'> {
  const [only] = clusters;
  if (clusters.length === 1 && only !== undefined)
    return { clusterSpecifier: { case: 'cluster', value: only.name } };
  const weighted = clusters.map(({ name, weight }) => ({ name, weight }));
  return { clusterSpecifier: { case: 'weightedClusters', value: { clusters: weighted } } };
}

function rewrites({ path, host }: HttpEdits): RouteActionInit {
  return {
    ...(path?.rewritePrefix === undefined ? {} : { prefixRewrite: path.rewritePrefix }),
    ...(path?.regex === undefined ? {} : { regexRewrite: substitute(path.regex) }),
    ...(host?.value === undefined
      ? {}
      : { hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: host.value } }),
    ...(host?.fromPath === undefined
      ? {}
      : { hostRewriteSpecifier: { case: 'hostRewritePathRegex', value: substitute(host.fromPath) } }),
  };
}

function substitute({ pattern, substitution }: Substitution) {
  return { pattern: { regex: pattern }, substitution };
}

function headersToAdd(edits: HeaderEdits = {}) {
  return (edits.add ?? []).map(({ name, value, append }) => ({
    header: { key: name, value },
    appendAction:
      append === true
        ? HeaderValueOption_HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD
        : HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
  }));
}
