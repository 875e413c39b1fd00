import { generateKeyPem } from '../../../../src/crypto/keys.ts';
import { createCaCertificate, issueServerCertificate } from '../../../../src/crypto/x509.ts';

const YEAR = 365 * 24 * 3_600_000;

/** A server certificate for these names, with the CA it is of. Valid for a year from now unless told otherwise. */
export async function makeServerCertificate({
  names,
  startMs = 0,
  lifetimeMs = YEAR,
}: {
  readonly names: readonly string[];
  /** Relative to now. */
  readonly startMs?: number;
  readonly lifetimeMs?: number;
}): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const caKey = generateKeyPem();
  const ca = await createCaCertificate({
    commonName: 'test CA',
    keyPem: caKey,
    nowMs: Date.now() + Math.min(startMs, 0),
    lifetimeMs: 10 * YEAR,
  });
  const key = generateKeyPem();
  const cert = await issueServerCertificate({
    ca: { certPem: ca, keyPem: caKey },
    commonName: names[0] ?? 'test',
    keyPem: key,
    dnsNames: names,
    addresses: [],
    nowMs: Date.now() + startMs,
    lifetimeMs,
  });
  return { ca, cert, key };
}
