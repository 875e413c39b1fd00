import type { RequestOptions } from 'node:https';
import { connect, type DetailedPeerCertificate, getCACertificates } from 'node:tls';
import { lookup } from '../../lib/lookup.ts';
import type { ControlPlaneTarget } from '../config/agent-config.ts';

export type TlsOptions = Pick<RequestOptions, 'ca' | 'rejectUnauthorized' | 'minVersion'>;

/** How to verify the control plane, and the CA to hand on to Envoy (PEM; undefined leaves it to the control plane). */
export interface Trust {
  readonly tls: TlsOptions;
  readonly caCert?: string;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The given CA, else the one with the pinned fingerprint, else the roots of the system. A pinned CA is looked up in
 * the chain the control plane presents; the connection that matters is then fully verified with it, names included.
 */
export async function resolveTrust(
  target: ControlPlaneTarget,
  signal?: AbortSignal,
  timeoutMs = CONNECT_TIMEOUT_MS,
): Promise<Trust> {
  const minVersion = 'TLSv1.2';
  if (target.url.protocol === 'http:')
    return { tls: {}, ...(target.caCert === undefined ? {} : { caCert: target.caCert }) };
  if (target.skipVerify) return { tls: { rejectUnauthorized: false, minVersion } };
  if (target.caCert !== undefined) return { tls: { ca: target.caCert, minVersion }, caCert: target.caCert };
  if (target.caFingerprint !== undefined) {
    const caCert = await fetchPinned(target, target.caFingerprint, { signal, timeoutMs });
    return { tls: { ca: caCert, minVersion }, caCert };
  }
  const roots = getCACertificates('system');
  return { tls: roots.length === 0 ? { minVersion } : { ca: [...roots], minVersion } };
}

/** Nothing is sent over this connection; it only reads the chain. */
function fetchPinned(
  { url, address }: ControlPlaneTarget,
  fingerprint: string,
  { signal, timeoutMs }: { readonly signal: AbortSignal | undefined; readonly timeoutMs: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const socket = connect({
      host: address ?? host,
      port: Number(url.port === '' ? 443 : url.port),
      lookup,
      ...(/[a-z]/i.test(host) && !host.includes(':') ? { servername: host } : {}),
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      timeout: timeoutMs,
    });
    const abort = () => socket.destroy(new Error('aborted'));
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('timeout', () =>
      socket.destroy(Object.assign(new Error('no TLS handshake in time'), { code: 'ETIMEDOUT' })),
    );
    socket.once('error', reject);
    socket.once('close', () => signal?.removeEventListener('abort', abort));
    socket.once('secureConnect', () => {
      const found = findCertificate(socket.getPeerCertificate(true), fingerprint);
      socket.destroy();
      if (found !== undefined) resolve(found);
      else reject(Object.assign(new Error(NO_MATCH), { code: 'CA_FINGERPRINT_MISMATCH' }));
    });
  });
}

const NO_MATCH =
  'none of the certificates it presents has the fingerprint of --ca-fingerprint; compare it with the CA of the control plane';

function findCertificate(leaf: DetailedPeerCertificate, fingerprint: string): string | undefined {
  // The chain ends at a certificate that names itself as its issuer.
  for (
    let at: DetailedPeerCertificate | undefined = leaf, depth = 0;
    at?.raw !== undefined && depth < 10;
    depth++
  ) {
    if (at.fingerprint256.replaceAll(':', '').toLowerCase() === fingerprint) return toPem(at.raw);
    at = at.issuerCertificate === at ? undefined : at.issuerCertificate;
  }
  return undefined;
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
