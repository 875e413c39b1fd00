import { create } from '@bufbuild/protobuf';
import { ApiVersion } from '../proto/gen/envoy/config/core/v3/config_source_pb.js';
import { type Filter, FilterSchema } from '../proto/gen/envoy/config/listener/v3/listener_components_pb.js';
import type { RouteConfiguration } from '../proto/gen/envoy/config/route/v3/route_pb.js';
import { RouterSchema } from '../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManager_ServerHeaderTransformation,
  HttpConnectionManagerSchema,
} from '../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { packAny } from './any.ts';
import { duration } from './duration.ts';

export interface HttpConnectionManagerParams {
  readonly statPrefix: string;
  /** A route configuration in place, or the name of one that comes over the same stream. */
  readonly routes: RouteConfiguration | string;
  /** A connection without a request for so long is closed. */
  readonly idleTimeoutMs: number;
  /** A request or response that makes no progress for so long is ended. */
  readonly streamIdleTimeoutMs: number;
  /** Host assumed for HTTP/1.0 requests that name none. */
  readonly defaultHost: string;
}

/** Speaks HTTP/1 and HTTP/2, whichever the caller opens with, and is otherwise not to be noticed by either side. */
export function httpConnectionManagerFilter(params: HttpConnectionManagerParams): Filter {
  const { statPrefix, routes, idleTimeoutMs, streamIdleTimeoutMs, defaultHost } = params;
  return create(FilterSchema, {
    name: 'envoy.filters.network.http_connection_manager',
    configType: {
      case: 'typedConfig',
      value: packAny(HttpConnectionManagerSchema, {
        statPrefix,
        codecType: HttpConnectionManager_CodecType.AUTO,
        routeSpecifier: routeSpecifier(routes),
        httpFilters: [
          {
            name: 'envoy.filters.http.router',
            configType: { case: 'typedConfig', value: packAny(RouterSchema, {}) },
          },
        ],
        commonHttpProtocolOptions: { idleTimeout: duration(idleTimeoutMs) },
        streamIdleTimeout: duration(streamIdleTimeoutMs),
        // The application's own `server` header reaches its callers.
        serverHeaderTransformation: HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH,
        // Without these Envoy answers 403 to WebSocket and 426 to HTTP/1.0 clients such as `ab`.
        upgradeConfigs: [{ upgradeType: 'websocket' }],
        httpProtocolOptions: { acceptHttp10: true, defaultHostForHttp10: defaultHost },
      }),
    },
  });
}

function routeSpecifier(routes: RouteConfiguration | string) {
  if (typeof routes !== 'string') return { case: 'routeConfig' as const, value: routes };
  const configSource = {
    resourceApiVersion: ApiVersion.V3,
    configSourceSpecifier: { case: 'ads' as const, value: {} },
  };
  return { case: 'rds' as const, value: { routeConfigName: routes, configSource } };
}
