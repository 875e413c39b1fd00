import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls';
import { type Exchange, exchange } from '../../../lib/http-exchange.ts';
import { explainFault, explainStatus } from '../../bootstrap/failure.ts';
import { resolveTrust, type TlsOptions } from '../../bootstrap/trust.ts';
import type { ControlPlaneTarget } from '../../config/agent-config.ts';
import { type Check, error, type Finding, healthy, ill, skipped, warning } from '../check.ts';

const TIMEOUT_MS = 8_000;
/** Dates in answers have whole seconds. Certificates and tokens are valid from the second they are made, or little before. */
const SKEW_NOTICED_MS = 10_000;
const SKEW_SERIOUS_MS = 300_000;
const EXPIRES_SOON_MS = 7 * 24 * 3_600_000;

/** Whether the control plane answers, can be trusted, is the right port of it, and has the same time. */
export const controlPlaneCheck: Check = {
  name: 'control-plane',
  async run({ config, now }, signal) {
    if (config === undefined) return skipped('settings are unusable');
    const { controlPlane } = config;
    const { url } = controlPlane;
    let reply: Exchange;
    let tls: TlsOptions;
    const before = now();
    try {
      ({ tls } = await resolveTrust(controlPlane, signal));
      // Answered by every control plane, changes nothing, and needs no token.
      reply = await exchange({ url: new URL('/bootstrap', url), tls, timeoutMs: TIMEOUT_MS, signal });
    } catch (cause) {
      const { message } = explainFault(cause, url);
      return ill(
        url.origin,
        error(`${url.origin} cannot be used: ${message}`, mendFault(controlPlane, cause)),
      );
    }
    const findings = [
      ...judgePort(reply, url),
      ...judgeClock(reply.headers.date, (before + now()) / 2),
      ...(url.protocol === 'https:' ? await judgeCertificate(controlPlane, tls, now()) : []),
    ];
    return findings.length === 0
      ? healthy(`${url.origin} answers`)
      : ill(`${url.origin} answers`, ...findings);
  },
};

function mendFault({ url }: ControlPlaneTarget, cause: unknown): string {
  const { code = '' } = cause as NodeJS.ErrnoException;
  const port = url.port === '' ? '443' : url.port;
  if (code === 'ECONNREFUSED')
    return `on its host: ss -ltn "sport = :${port}"; start kuma-cp, or correct --cp-address`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `openssl s_client -connect ${url.host} </dev/null | openssl x509 -noout -ext subjectAltName; use one of these names in --cp-address`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return 'timedatectl on both hosts; where the clocks are right, renew the certificate (kuma-cp does so by itself when it starts)';
  if (/CERT|ISSUER|SIGNATURE|CA_FINGERPRINT|INVALID_CA/.test(code))
    return '--ca-cert-file with the CA of the control plane (its ca.crt), or --ca-fingerprint';
  return `curl -v ${url.origin}/; correct --cp-address, or the firewall in between`;
}

/** 400 is the answer of the right port to an empty request. */
function judgePort(reply: Exchange, url: URL): readonly Finding[] {
  const wrong = reply.status === 404 || (reply.status >= 300 && reply.status < 400);
  if (wrong) {
    const { message } = explainStatus(
      { ...reply, body: reply.body.trim() === '' ? 'not found' : reply.body },
      url,
    );
    return [
      error(
        `${url.origin} is not the bootstrap port: ${message}`,
        `--cp-address https://${url.hostname}:5678`,
      ),
    ];
  }
  return reply.status >= 500
    ? [error(`${url.origin} answers ${reply.status}`, 'look into the log of kuma-cp')]
    : [];
}

function judgeClock(date: string | undefined, nowMs: number): readonly Finding[] {
  const theirs = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return [];
  const skewMs = nowMs - (theirs + 500);
  if (Math.abs(skewMs) < SKEW_NOTICED_MS) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const which = skewMs > 0 ? 'ahead of' : 'behind';
  const what = `the clock of this host is ${seconds} s ${which} that of the control plane: fresh certificates and tokens are refused`;
  const mend = 'timedatectl set-ntp true on both hosts, then timedatectl timesync-status';
  return [Math.abs(skewMs) < SKEW_SERIOUS_MS ? warning(what, mend) : error(what, mend)];
}

async function judgeCertificate(
  { url }: ControlPlaneTarget,
  tls: TlsOptions,
  nowMs: number,
): Promise<readonly Finding[]> {
  const { valid_to: end } = await readCertificate(url, tls);
  const leftMs = Date.parse(end) - nowMs;
  if (!(leftMs < EXPIRES_SOON_MS)) return [];
  const hours = Math.max(0, Math.floor(leftMs / 3_600_000));
  return [
    warning(
      `the certificate of ${url.host} expires in ${hours} h (${end}); then no proxy can start or reconnect`,
      'renew it; a kuma-cp that makes its own certificate does so by itself, a given one is replaced by hand',
    ),
  ];
}

function readCertificate(url: URL, tls: TlsOptions): Promise<DetailedPeerCertificate> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      ...tls,
      host,
      port: Number(url.port === '' ? 443 : url.port),
      ...(/[a-z]/i.test(host) && !host.includes(':') ? { servername: host } : {}),
      ALPNProtocols: ['http/1.1'],
      timeout: TIMEOUT_MS,
    });
    socket.once('timeout', () => socket.destroy(new Error('no TLS handshake in time')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate(true));
      socket.destroy();
    });
  });
}
