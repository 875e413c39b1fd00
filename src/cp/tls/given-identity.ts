import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import { TlsError } from './errors.ts';
import { parseCertificate, readIfThere } from './files.ts';
import type { ServerIdentity } from './server-identity.ts';

export interface GivenIdentityOptions {
  /** The server certificate first, then its chain. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly clock: Clock;
}

/**
 * A certificate somebody else made, checked and otherwise used as it is. What clients have to trust is the chain
 * that follows it in its file, or the certificate itself when it stands alone.
 */
export function loadGivenIdentity({ certFile, keyFile, clock }: GivenIdentityOptions): ServerIdentity {
  const certPem = mustRead(certFile, 'general.tlsCertFile');
  const keyPem = mustRead(keyFile, 'general.tlsKeyFile');
  const [leafPem, ...chain] =
    certPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const certificates = [leafPem ?? '', ...chain].map((pem) => parseCertificate(pem));
  const leaf = certificates[0];
  if (leaf === undefined || certificates.includes(undefined)) {
    throw new TlsError(
      'invalid',
      `"${certFile}" (general.tlsCertFile) is not a chain of certificates in PEM`,
    );
  }
  if (!leaf.checkPrivateKey(parseKey(keyPem, keyFile))) {
    throw new TlsError('invalid', `"${keyFile}" is not the key of the first certificate in "${certFile}"`);
  }
  const now = clock.now();
  if (now < leaf.validFromDate.getTime() || now >= leaf.validToDate.getTime()) {
    const span = `from ${leaf.validFromDate.toISOString()} to ${leaf.validToDate.toISOString()}`;
    throw new TlsError(
      'invalid',
      `the certificate in "${certFile}" is valid ${span}, and now it is ${new Date(now).toISOString()}`,
    );
  }
  const trusted = chain.length > 0 ? chain : [leafPem ?? ''];
  return { caPem: `${trusted.join('\n')}\n`, certPem, keyPem, notAfter: leaf.validToDate };
}

function mustRead(path: string, setting: string): string {
  const text = readIfThere(path);
  if (text === undefined) throw new TlsError('unavailable', `there is no file "${path}" (${setting})`);
  return text;
}

function parseKey(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const why = describeError(error);
    throw new TlsError(
      'invalid',
      `"${path}" (general.tlsKeyFile) is not an unencrypted private key in PEM: ${why}`,
      { cause: error },
    );
  }
}
