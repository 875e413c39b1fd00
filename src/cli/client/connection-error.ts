import { describeError } from '../../lib/coded-error.ts';
import { formatDuration } from '../../lib/duration.ts';
import { CliError } from '../errors.ts';

/** What was tried, for the message. */
export interface Attempt {
  readonly controlPlane: string;
  readonly url: URL;
  readonly timeoutMs: number;
}

const START_OR_ADD =
  'start one with "kuma-cp run" or name another with "kumactl config control-planes add --name NAME --address URL"';
const GIVE_CA = 'give its CA with "kumactl config control-planes add --overwrite --ca-cert-file FILE …"';

/** Cause and remedy by the socket's code; the remedy is a sentence without its first capital. */
const BY_CODE: Readonly<Record<string, readonly [why: string, todo: string]>> = {
  ECONNREFUSED: ['connection refused, nothing listens there', START_OR_ADD],
  ENOTFOUND: ['the host name does not resolve', START_OR_ADD],
  EAI_AGAIN: ['the host name cannot be resolved now, DNS does not answer', 'try again, or use an IP address'],
  EHOSTUNREACH: ['no route to the host', START_OR_ADD],
  ENETUNREACH: ['the network is unreachable', START_OR_ADD],
  ETIMEDOUT: ['connecting timed out', START_OR_ADD],
  ECONNRESET: [
    'the connection was closed before the answer was complete',
    'check that the address is a control plane and not another program',
  ],
  EPROTO: ['the TLS handshake failed, the port may have no TLS', 'use http:// for the plain port (5681)'],
  CERT_HAS_EXPIRED: [
    'its certificate has expired',
    'renew the certificate of the control plane and check the clocks',
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['its certificate is self-signed and not trusted', GIVE_CA],
  SELF_SIGNED_CERT_IN_CHAIN: ['its certificate is not signed by a trusted CA', GIVE_CA],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['its certificate is not signed by a trusted CA', GIVE_CA],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['its certificate is not signed by a trusted CA', GIVE_CA],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'its certificate is for other names than this host',
    'use a name of the certificate, or reissue it',
  ],
};

/** Turns what the socket threw into one line: which control plane, which URL, why, and what to do. */
export function toConnectionError(thrown: unknown, { controlPlane, url, timeoutMs }: Attempt): CliError {
  const where = `cannot reach control plane "${controlPlane}" at ${url.origin}`;
  if (isTimeout(thrown)) {
    const why = `no answer within ${formatDuration(timeoutMs)}`;
    return new CliError('unreachable', `${where}: ${why}; check it, or wait longer with --api-timeout`, {
      cause: thrown,
    });
  }
  const code = errorCode(thrown);
  if (code.startsWith('HPE_')) {
    const why = 'what answered does not speak HTTP';
    return new CliError('unreachable', `${where}: ${why}; use https:// for the TLS port (5682)`, {
      cause: thrown,
    });
  }
  const [why, todo] = BY_CODE[code] ?? [describeError(thrown), START_OR_ADD];
  return new CliError('unreachable', `${where}: ${why}; ${todo}`, { cause: thrown });
}

function isTimeout(thrown: unknown): boolean {
  for (let e: unknown = thrown; e instanceof Error; e = e.cause) if (e.name === 'TimeoutError') return true;
  return false;
}

/** Of the error itself, of its cause, or of the first of several addresses that were tried. */
function errorCode(thrown: unknown): string {
  if (!(thrown instanceof Error)) return '';
  if ('code' in thrown && typeof thrown.code === 'string' && thrown.code !== '') return thrown.code;
  if (thrown instanceof AggregateError) return errorCode(thrown.errors[0]);
  return errorCode(thrown.cause);
}
