import { declareSettings, setting } from '../../settings/declare.ts';
import { boolean, duration, portOrZero, text } from '../../settings/values.ts';
import { positiveInteger } from './values.ts';

const HOUR_MS = 3_600_000;

/** How the control plane treats its callers: API users, agents and their proxies. */
export const proxySettings = declareSettings({
  apiReadOnly: setting({
    key: 'apiServer.readOnly',
    env: ['KUMA_API_SERVER_READ_ONLY'],
    placeholder: '',
    doc: 'Refuses every change through the REST API.',
    value: boolean(false),
  }),
  localhostIsAdmin: setting({
    key: 'apiServer.authn.localhostIsAdmin',
    env: ['KUMA_API_SERVER_AUTHN_LOCALHOST_IS_ADMIN'],
    placeholder: '',
    doc: 'Treats direct calls from this machine as the administrator.',
    value: boolean(true),
  }),
  bootstrapAdminPort: setting({
    key: 'bootstrapServer.params.adminPort',
    env: ['KUMA_BOOTSTRAP_SERVER_PARAMS_ADMIN_PORT'],
    placeholder: 'port',
    doc: "Port of Envoy's admin where neither the agent nor the Dataplane names one. 0: the agent chooses.",
    value: portOrZero(0),
  }),
  xdsHost: setting({
    key: 'bootstrapServer.params.xdsHost',
    env: ['KUMA_BOOTSTRAP_SERVER_PARAMS_XDS_HOST'],
    placeholder: 'host',
    doc: 'Host proxies are told to connect to. Empty: the one their agent used.',
    value: text(''),
  }),
  xdsPort: setting({
    key: 'bootstrapServer.params.xdsPort',
    env: ['KUMA_BOOTSTRAP_SERVER_PARAMS_XDS_PORT'],
    placeholder: 'port',
    doc: 'Port proxies are told to connect to. 0: dpServer.port.',
    value: portOrZero(0),
  }),
  lease: setting({
    key: 'dpServer.lifecycle.lease',
    env: ['KUMA_DP_SERVER_LIFECYCLE_LEASE'],
    placeholder: 'duration',
    doc: 'How long the endpoints of a proxy that lost its stream stay in use, as a last resort.',
    value: duration(60_000),
  }),
  leaseWithKeptEnvoy: setting({
    key: 'dpServer.lifecycle.leaseWithKeptEnvoy',
    env: ['KUMA_DP_SERVER_LIFECYCLE_LEASE_WITH_KEPT_ENVOY'],
    placeholder: 'duration',
    doc: 'The same for an agent that announced that its Envoy outlives it.',
    value: duration(600_000),
  }),
  graceAfterStreamLoss: setting({
    key: 'dpServer.lifecycle.graceAfterStreamLoss',
    env: ['KUMA_DP_SERVER_LIFECYCLE_GRACE_AFTER_STREAM_LOSS'],
    placeholder: 'duration',
    doc: 'How long a proxy may be without a stream before others prefer its peers.',
    value: duration(3000),
  }),
  dataplaneCleanupAge: setting({
    key: 'runtime.universal.dataplaneCleanupAge',
    env: ['KUMA_RUNTIME_UNIVERSAL_DATAPLANE_CLEANUP_AGE'],
    placeholder: 'duration',
    doc: 'A Dataplane an agent brought is removed after its proxy was offline this long.',
    value: duration(72 * HOUR_MS),
  }),
  admissionRate: setting({
    key: 'xdsServer.admissionRate',
    env: ['KUMA_XDS_SERVER_ADMISSION_RATE'],
    placeholder: 'number',
    doc: 'Streams admitted a second, so that a thousand proxies that reconnect at once are served in turn.',
    value: positiveInteger(500),
  }),
});
