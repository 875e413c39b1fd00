import { declareSettings, setting } from '../../settings/declare.ts';
import { boolean, portOrZero } from '../../settings/values.ts';
import { listenAddress } from './values.ts';

const AS_BOUND = 'Empty: general.bindAddress.';

/** The sockets of the control plane. Port 0 lets the kernel choose. */
export const portSettings = declareSettings({
  httpEnabled: setting({
    key: 'apiServer.http.enabled',
    env: ['KUMA_API_SERVER_HTTP_ENABLED'],
    placeholder: '',
    doc: 'Serves the REST API over plain HTTP.',
    value: boolean(true),
  }),
  httpInterface: setting({
    key: 'apiServer.http.interface',
    env: ['KUMA_API_SERVER_HTTP_INTERFACE'],
    placeholder: 'address',
    doc: `Address the REST API listens on. ${AS_BOUND}`,
    value: listenAddress(''),
  }),
  httpPort: setting({
    key: 'apiServer.http.port',
    olderKeys: ['apiServer.port'],
    env: ['KUMA_API_SERVER_HTTP_PORT', 'KUMA_API_SERVER_PORT'],
    placeholder: 'port',
    doc: 'Port of the REST API.',
    value: portOrZero(5681),
  }),
  httpsEnabled: setting({
    key: 'apiServer.https.enabled',
    env: ['KUMA_API_SERVER_HTTPS_ENABLED'],
    placeholder: '',
    doc: 'Serves the REST API over TLS.',
    value: boolean(true),
  }),
  httpsInterface: setting({
    key: 'apiServer.https.interface',
    env: ['KUMA_API_SERVER_HTTPS_INTERFACE'],
    placeholder: 'address',
    doc: `Address the REST API over TLS listens on. ${AS_BOUND}`,
    value: listenAddress(''),
  }),
  httpsPort: setting({
    key: 'apiServer.https.port',
    env: ['KUMA_API_SERVER_HTTPS_PORT'],
    placeholder: 'port',
    doc: 'Port of the REST API over TLS. Follows bootstrapServer.port when only that is set: they are one socket.',
    value: portOrZero(5682),
  }),
  bootstrapEnabled: setting({
    key: 'bootstrapServer.enabled',
    env: ['KUMA_BOOTSTRAP_SERVER_ENABLED'],
    placeholder: '',
    doc: 'Serves the plain HTTP bootstrap of Kuma 0.1.',
    value: boolean(true),
  }),
  bootstrapInterface: setting({
    key: 'bootstrapServer.interface',
    env: ['KUMA_BOOTSTRAP_SERVER_INTERFACE'],
    placeholder: 'address',
    doc: 'Address the plain HTTP bootstrap listens on. Empty: apiServer.https.interface.',
    value: listenAddress(''),
  }),
  bootstrapPort: setting({
    key: 'bootstrapServer.port',
    env: ['KUMA_BOOTSTRAP_SERVER_PORT'],
    placeholder: 'port',
    doc: 'Port of the plain HTTP bootstrap. Follows apiServer.https.port when only that is set.',
    value: portOrZero(5682),
  }),
  dpServerInterface: setting({
    key: 'dpServer.interface',
    env: ['KUMA_DP_SERVER_INTERFACE'],
    placeholder: 'address',
    doc: `Address data plane proxies reach this control plane at. ${AS_BOUND}`,
    value: listenAddress(''),
  }),
  dpServerPort: setting({
    key: 'dpServer.port',
    olderKeys: ['xdsServer.grpcPort'],
    env: ['KUMA_DP_SERVER_PORT', 'KUMA_XDS_SERVER_GRPC_PORT'],
    placeholder: 'port',
    doc: 'Port of xDS and of the bootstrap, both over TLS.',
    value: portOrZero(5678),
  }),
  diagnosticsInterface: setting({
    key: 'diagnostics.interface',
    env: ['KUMA_DIAGNOSTICS_INTERFACE'],
    placeholder: 'address',
    doc: `Address /ready, /healthy and /metrics are served at. ${AS_BOUND}`,
    value: listenAddress(''),
  }),
  diagnosticsPort: setting({
    key: 'diagnostics.serverPort',
    olderKeys: ['xdsServer.diagnosticsPort'],
    env: ['KUMA_DIAGNOSTICS_SERVER_PORT', 'KUMA_XDS_SERVER_DIAGNOSTICS_PORT'],
    placeholder: 'port',
    doc: 'Port of /ready, /healthy and /metrics.',
    value: portOrZero(5680),
  }),
});
