import { declareSettings, setting } from '../../settings/declare.ts';
import { boolean, duration, oneOf, text } from '../../settings/values.ts';

/** Which control plane, how it is trusted, and how long it is asked. */
export const controlPlaneSettings = declareSettings({
  controlPlaneUrl: setting({
    key: 'controlPlane.url',
    olderKeys: ['controlPlane.bootstrapServer.url'],
    env: ['KUMA_CONTROL_PLANE_URL', 'KUMA_CONTROL_PLANE_BOOTSTRAP_SERVER_URL'],
    flag: '--cp-address',
    placeholder: 'url',
    list: true,
    doc: 'Control plane to fetch the bootstrap from; a path in it is ignored. May be repeated, or hold several with commas between; srv:_NAME._tcp.DOMAIN takes them from the DNS. One that fails is left for another.',
    value: text('https://localhost:5678'),
  }),
  controlPlaneOrder: setting({
    key: 'controlPlane.order',
    env: ['KUMA_CONTROL_PLANE_ORDER'],
    flag: '--cp-order',
    placeholder: 'order',
    doc: 'With several control planes: spread gives each proxy an order of its own, given keeps that of --cp-address.',
    value: oneOf('spread', 'given')('spread'),
  }),
  controlPlaneReturn: setting({
    key: 'controlPlane.returnAfter',
    env: ['KUMA_CONTROL_PLANE_RETURN_AFTER'],
    flag: '--cp-return-after',
    placeholder: 'duration',
    doc: 'How long a preferred control plane must have been well again before the proxy goes back to it; longer each time it fails again. 0s never does.',
    value: duration(60_000),
  }),
  caCertFile: setting({
    key: 'controlPlane.caCertFile',
    env: ['KUMA_CONTROL_PLANE_CA_CERT_FILE'],
    flag: '--ca-cert-file',
    placeholder: 'file',
    doc: 'PEM file with the CA that the certificate of the control plane is verified with. Without a CA the roots of the system are used.',
    value: text(''),
  }),
  caCert: setting({
    key: 'controlPlane.caCert',
    env: ['KUMA_CONTROL_PLANE_CA_CERT'],
    placeholder: 'pem',
    doc: 'The same as PEM text; wins over the file.',
    value: text(''),
  }),
  caFingerprint: setting({
    key: 'controlPlane.caFingerprint',
    env: ['KUMA_CONTROL_PLANE_CA_FINGERPRINT'],
    flag: '--ca-fingerprint',
    placeholder: 'sha256:hex',
    doc: 'SHA-256 of the CA certificate (DER) the control plane must present in its chain: trust without a file.',
    value: text(''),
  }),
  skipVerify: setting({
    key: 'controlPlane.tlsSkipVerify',
    env: ['KUMA_CONTROL_PLANE_TLS_SKIP_VERIFY'],
    flag: '--skip-verify',
    placeholder: '',
    doc: 'Do not verify the control plane. Anybody on the path can then take over this proxy.',
    value: boolean(false),
  }),
  retryBackoff: setting({
    key: 'controlPlane.retry.backoff',
    env: ['KUMA_CONTROL_PLANE_RETRY_BACKOFF'],
    placeholder: 'duration',
    doc: 'Longest pause between two attempts to fetch the bootstrap; the first ones are shorter.',
    value: duration(3_000),
  }),
  retryMaxDuration: setting({
    key: 'controlPlane.retry.maxDuration',
    env: ['KUMA_CONTROL_PLANE_RETRY_MAX_DURATION'],
    placeholder: 'duration',
    doc: 'How long to try before giving up.',
    value: duration(300_000),
  }),
});
