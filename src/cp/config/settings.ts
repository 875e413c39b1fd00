import { declareSettings, type SettingValues, setting } from '../../settings/declare.ts';
import { generalSettings } from './general-settings.ts';
import { portSettings } from './port-settings.ts';
import { proxySettings } from './proxy-settings.ts';
import { choice, mustBeEmpty, mustBeOff } from './values.ts';

/** Everything the control plane can be told, by the name its code uses. Keys and variables are those of Kuma 2.14 and 0.1. */
export const controlPlaneSettings = declareSettings({
  ...generalSettings,
  ...portSettings,
  ...proxySettings,
});

export type ControlPlaneValues = SettingValues<typeof controlPlaneSettings>;

const NO_TOKENS_YET =
  'is not available yet: no tokens are checked; leave it out, and keep ports on loopback or behind a firewall';
const ONE_CERTIFICATE =
  'is not available: all ports use one certificate; set general.tlsCertFile and general.tlsKeyFile';

/** Settings of Kuma whose wish would silently not be granted. They are read only to be refused. */
export const refusedSettings = declareSettings({
  requireClientCert: setting({
    key: 'apiServer.https.requireClientCert',
    env: ['KUMA_API_SERVER_HTTPS_REQUIRE_CLIENT_CERT'],
    placeholder: '',
    doc: 'Client certificates are not checked yet.',
    value: mustBeOff('is not available yet: client certificates are not checked; leave it out'),
  }),
  apiAuthentication: setting({
    key: 'apiServer.authn.type',
    env: ['KUMA_API_SERVER_AUTHN_TYPE'],
    placeholder: 'name',
    doc: 'How users of the REST API show who they are.',
    value: choice(['tokens'], {
      adminClientCerts: 'is not available: changes are accepted from this machine only',
    })('tokens'),
  }),
  proxyAuthentication: setting({
    key: 'dpServer.authn.dpProxy.type',
    env: ['KUMA_DP_SERVER_AUTHN_DP_PROXY_TYPE'],
    placeholder: 'name',
    doc: 'How data plane proxies show who they are.',
    value: choice(['', 'none'], { dpToken: NO_TOKENS_YET, serviceAccountToken: NO_TOKENS_YET })(''),
  }),
  dpServerCertificate: setting({
    key: 'dpServer.tlsCertFile',
    env: ['KUMA_DP_SERVER_TLS_CERT_FILE'],
    placeholder: 'file',
    doc: 'A certificate for one port only.',
    value: mustBeEmpty(ONE_CERTIFICATE),
  }),
  httpsCertificate: setting({
    key: 'apiServer.https.tlsCertFile',
    env: ['KUMA_API_SERVER_HTTPS_TLS_CERT_FILE'],
    placeholder: 'file',
    doc: 'A certificate for one port only.',
    value: mustBeEmpty(ONE_CERTIFICATE),
  }),
  globalAddress: setting({
    key: 'multizone.zone.globalAddress',
    env: ['KUMA_MULTIZONE_ZONE_GLOBAL_ADDRESS'],
    placeholder: 'url',
    doc: 'A global control plane to join.',
    value: mustBeEmpty('is not available yet: this control plane serves one zone by itself; leave it out'),
  }),
});
