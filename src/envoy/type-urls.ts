/** Type URLs of the xDS v3 resources we serve. */
const PREFIX = 'type.googleapis.com/';

export const CLUSTER = `${PREFIX}envoy.config.cluster.v3.Cluster`;
export const ENDPOINT = `${PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment`;
export const LISTENER = `${PREFIX}envoy.config.listener.v3.Listener`;
export const ROUTE = `${PREFIX}envoy.config.route.v3.RouteConfiguration`;
export const SECRET = `${PREFIX}envoy.extensions.transport_sockets.tls.v3.Secret`;
