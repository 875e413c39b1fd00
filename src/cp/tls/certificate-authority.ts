import type { X509Certificate } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { generateKeyPem, parseP256Key } from '../../crypto/keys.ts';
import { createCaCertificate, type KeyedCertificate } from '../../crypto/x509.ts';
import { createFileOnce } from '../../lib/atomic-file.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { TlsError } from './errors.ts';
import { keepPrivate, parseCertificate, readIfThere, writing } from './files.ts';

const YEAR_MS = 365 * 24 * 3_600_000;
const LIFETIME_MS = 10 * YEAR_MS;

/** Start of the name of every CA made here; the rest is random, so that two of them can be told apart. */
export const CA_NAME_PREFIX = 'kuma-cp private CA ';

export interface CertificateAuthority extends KeyedCertificate {
  readonly certificate: X509Certificate;
}

interface Place {
  readonly workDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The CA kept as `ca.crt` and `ca.key`; made once, never replaced. The key comes first, so a start that was cut
 * short is completed by the next one, and of two at once both end up with the same files.
 */
export async function ensureCertificateAuthority({
  workDir,
  clock,
  logger,
}: Place): Promise<CertificateAuthority> {
  const certFile = join(workDir, 'ca.crt');
  const keyFile = join(workDir, 'ca.key');
  if (readIfThere(certFile) === undefined) {
    writing(keyFile, () => createFileOnce(keyFile, generateKeyPem()));
    const certPem = await makeCertificate(keyFile, clock);
    if (writing(certFile, () => createFileOnce(certFile, certPem, 0o644))) {
      logger.info({ path: certFile }, 'private CA made; agents and tools on other machines have to trust it');
    }
  }
  const ca = check({ certFile, keyFile });
  checkLifetime(ca.certificate, { certFile, clock, logger });
  keepPrivate(keyFile, logger);
  return ca;
}

async function makeCertificate(keyFile: string, clock: Clock): Promise<string> {
  const keyPem = readIfThere(keyFile) ?? '';
  if (parseP256Key(keyPem) === undefined) {
    throw new TlsError(
      'foreign',
      `"${keyFile}" is not a key this control plane made; move it away, or put its ca.crt beside it`,
    );
  }
  const commonName = `${CA_NAME_PREFIX}${randomBytes(4).toString('hex')}`;
  return createCaCertificate({ commonName, keyPem, nowMs: clock.now(), lifetimeMs: LIFETIME_MS });
}

function check({ certFile, keyFile }: { certFile: string; keyFile: string }): CertificateAuthority {
  const certPem = readIfThere(certFile) ?? '';
  const keyPem = readIfThere(keyFile);
  const certificate = parseCertificate(certPem);
  const invalid = (text: string): TlsError =>
    new TlsError(
      'invalid',
      `${text}; restore both ca.crt and ca.key from a backup, or move both away to get a new CA`,
    );
  if (certificate === undefined) throw invalid(`"${certFile}" is not a certificate in PEM`);
  if (!certificate.ca) throw invalid(`"${certFile}" is not the certificate of a CA`);
  if (keyPem === undefined) throw invalid(`"${keyFile}", the key of "${certFile}", is missing`);
  const key = parseP256Key(keyPem);
  if (key === undefined) throw invalid(`"${keyFile}" is not an ECDSA P-256 private key in PEM`);
  if (!certificate.checkPrivateKey(key)) throw invalid(`"${keyFile}" is not the key of "${certFile}"`);
  return { certPem, keyPem, certificate };
}

function checkLifetime(
  certificate: X509Certificate,
  { certFile, clock, logger }: { certFile: string; clock: Clock; logger: Logger },
): void {
  const left = certificate.validToDate.getTime() - clock.now();
  const notAfter = certificate.validToDate.toISOString();
  if (left <= 0) {
    const help = 'move ca.crt and ca.key away to get a new CA, which agents then have to trust';
    throw new TlsError('invalid', `the CA in "${certFile}" expired at ${notAfter}; ${help}`);
  }
  if (left < YEAR_MS) logger.warn({ path: certFile, notAfter }, 'the private CA expires within a year');
}
