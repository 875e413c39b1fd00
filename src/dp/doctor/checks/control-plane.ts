import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls';
import { type Exchange, exchange } from '../../../lib/http-exchange.ts';
import { explainFault, explainStatus } from '../../bootstrap/failure.ts';
import { resolveTrust, type TlsOptions } from '../../bootstrap/trust.ts';
import type { ControlPlaneTarget } from '../../config/agent-config.ts';
import { givenOf } from '../../control-planes/given.ts';
import { type Place, toPlace } from '../../control-planes/place.ts';
import { resolveGiven, systemResolver } from '../../control-planes/resolve.ts';
import { type Check, error, type Finding, healthy, ill, skipped, soften, warning } from '../check.ts';
import { watchLostTime } from '../lost-time.ts';

const TIMEOUT_MS = 8_000;
const SLOW_MS = 2_000;
/** Dates in answers have whole seconds. Certificates and tokens are valid from the second they are made, or little before. */
const SKEW_NOTICED_MS = 10_000;
const SKEW_SERIOUS_MS = 300_000;
const EXPIRES_SOON_MS = 7 * 24 * 3_600_000;

/** Whether each control plane answers soon, can be trusted, is the right port of it, and has the same time. */
export const controlPlaneCheck: Check = {
  name: 'control-plane',
  async run({ config, now, patienceMs }, signal) {
    if (config === undefined) return skipped('settings are unusable');
    const { controlPlane } = config;
    const places = await placesOf(controlPlane);
    if (places.length === 0) return skipped('no name of it can be resolved: see resolver');
    const timeoutMs = Math.min(TIMEOUT_MS, patienceMs * 0.8);
    const looks = await Promise.all(
      places.map((place) => lookAt(place, controlPlane, { now, timeoutMs, signal })),
    );
    const someIsWell = looks.some(({ findings }) => !findings.some(({ severity }) => severity === 'error'));
    const seen = looks.map((look) => look.seen).join(', ');
    // A proxy goes to another one by itself.
    const findings = looks.flatMap((look) => (someIsWell ? look.findings.map(soften) : look.findings));
    return findings.length === 0 ? healthy(seen) : ill(seen, ...findings);
  },
};

/** All that were given and that the DNS knows; what it does not know is a finding of the resolver. */
async function placesOf(controlPlane: ControlPlaneTarget): Promise<readonly Place[]> {
  const lists = await Promise.all(
    givenOf(controlPlane).map((one) => resolveGiven([one], systemResolver, true).catch(() => [])),
  );
  return lists.flat();
}

interface LookOptions {
  readonly now: () => number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function lookAt(
  { key, url, address }: Place,
  controlPlane: ControlPlaneTarget,
  { now, timeoutMs, signal }: LookOptions,
): Promise<{ readonly seen: string; readonly findings: readonly Finding[] }> {
  const target = { ...controlPlane, url, address };
  let reply: Exchange;
  let tls: TlsOptions;
  let lostMs = 0;
  const before = now();
  const startedAt = performance.now();
  const lost = watchLostTime();
  try {
    ({ tls } = await resolveTrust(target, signal));
    // Answered by every control plane, changes nothing, and needs no token.
    reply = await exchange({ url: new URL('/bootstrap', url), address, tls, timeoutMs, signal });
  } catch (cause) {
    const { message, code, retry } = explainFault(cause, url);
    return {
      seen: `${key} ${code === 'control-plane-untrusted' ? 'is not trusted' : retry ? 'does not answer' : 'cannot be used'}`,
      findings: [error(`${key} cannot be used: ${message}`, mendFault(target, cause))],
    };
  } finally {
    lostMs = lost();
  }
  const tookMs = performance.now() - startedAt;
  const port = judgePort(reply, { key, url });
  const findings = [
    ...port,
    ...judgeSpeed(key, tookMs - lostMs),
    ...judgeClock(key, reply.headers.date, before + tookMs / 2),
    ...(url.protocol === 'https:' ? await judgeCertificate(target, tls, now()) : []),
  ];
  return { seen: `${key} answers${port.length > 0 ? ', but gives no bootstrap' : ''}`, findings };
}

function judgeSpeed(key: string, tookMs: number): readonly Finding[] {
  return tookMs < SLOW_MS
    ? []
    : [
        warning(
          `${key} took ${(tookMs / 1000).toFixed(1)} s to answer: changes lag behind as much, or more`,
          'look at load and log of kuma-cp, and at the way there: ping, mtr',
        ),
      ];
}

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
function judgePort(reply: Exchange, { key, url }: Pick<Place, 'key' | 'url'>): readonly Finding[] {
  const wrong = reply.status === 404 || (reply.status >= 300 && reply.status < 400);
  if (wrong) {
    const { message } = explainStatus(
      { ...reply, body: reply.body.trim() === '' ? 'not found' : reply.body },
      url,
    );
    return [
      error(`${key} is not the bootstrap port: ${message}`, `--cp-address https://${url.hostname}:5678`),
    ];
  }
  return reply.status >= 500 ? [error(`${key} answers ${reply.status}`, 'look into the log of kuma-cp')] : [];
}

function judgeClock(key: string, date: string | undefined, nowMs: number): readonly Finding[] {
  const theirs = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return [];
  const skewMs = nowMs - (theirs + 500);
  if (Math.abs(skewMs) < SKEW_NOTICED_MS) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const which = skewMs > 0 ? 'ahead of' : 'behind';
  const what = `the clock of this host is ${seconds} s ${which} that of the control plane ${key}: fresh certificates and tokens are refused`;
  const mend = 'timedatectl set-ntp true on both hosts, then timedatectl timesync-status';
  return [Math.abs(skewMs) < SKEW_SERIOUS_MS ? warning(what, mend) : error(what, mend)];
}

async function judgeCertificate(
  { url, address }: ControlPlaneTarget,
  tls: TlsOptions,
  nowMs: number,
): Promise<readonly Finding[]> {
  const { valid_to: end } = await readCertificate(url, address, tls);
  const leftMs = Date.parse(end) - nowMs;
  if (!(leftMs < EXPIRES_SOON_MS)) return [];
  const hours = Math.max(0, Math.floor(leftMs / 3_600_000));
  return [
    warning(
      `the certificate of ${toPlace(url, address).key} expires in ${hours} h (${end}); then no proxy can start or reconnect`,
      'renew it; a kuma-cp that makes its own certificate does so by itself, a given one is replaced by hand',
    ),
  ];
}

function readCertificate(
  url: URL,
  address: string | undefined,
  tls: TlsOptions,
): Promise<DetailedPeerCertificate> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      ...tls,
      host: address ?? host,
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
