import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { generateKeyPem, parseP256Key } from '../../crypto/keys.ts';
import { issueServerCertificate } from '../../crypto/x509.ts';
import { createFileOnce, replaceFile } from '../../lib/atomic-file.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import {
  CA_NAME_PREFIX,
  type CertificateAuthority,
  ensureCertificateAuthority,
} from './certificate-authority.ts';
import { TlsError } from './errors.ts';
import { keepPrivate, parseCertificate, readIfThere, writing } from './files.ts';

const LIFETIME_MS = 365 * 24 * 3_600_000;
const COMMON_NAME = 'kuma-cp';

/** What the control plane shows on its TLS ports, all PEM. */
export interface ServerIdentity {
  /** What clients have to trust. */
  readonly caPem: string;
  /** The server certificate, with its chain if it has one. */
  readonly certPem: string;
  readonly keyPem: string;
  readonly notAfter: Date;
}

export interface ServerIdentityOptions {
  /** Made 0700 if it is missing. */
  readonly workDir: string;
  /** Host names the control plane is called by; IP addresses among them are taken as such. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The certificate issued by the control plane's own CA, kept as `kuma-cp.crt` and `kuma-cp.key`. It is issued again
 * when a name or address is missing in it, less than a third of its life is left or the CA is another one; calling
 * this once a day keeps a long-running process from expiring. The key stays, so a new certificate is one rename.
 */
export async function ensureServerIdentity(options: ServerIdentityOptions): Promise<ServerIdentity> {
  const { workDir, clock, logger } = options;
  writing(workDir, () => mkdirSync(workDir, { recursive: true, mode: 0o700 }));
  const ca = await ensureCertificateAuthority({ workDir, clock, logger });
  const certFile = join(workDir, `${COMMON_NAME}.crt`);
  const keyFile = join(workDir, `${COMMON_NAME}.key`);
  const kept = readIfThere(certFile);
  if (kept !== undefined) mustBeOurs(certFile, kept, ca);
  if (readIfThere(keyFile) === undefined) writing(keyFile, () => createFileOnce(keyFile, generateKeyPem()));
  keepPrivate(keyFile, logger);
  const keyPem = mustBeKey(keyFile);
  const subject = toSubject(options);
  const reason = reasonToIssue(kept, { ca, keyPem, subject, nowMs: clock.now() });
  if (kept !== undefined && reason === undefined) return toIdentity(ca, kept, keyPem);

  const validity = { nowMs: clock.now(), lifetimeMs: LIFETIME_MS };
  const certPem = await issueServerCertificate({
    ca,
    commonName: COMMON_NAME,
    keyPem,
    ...subject,
    ...validity,
  });
  writing(certFile, () => replaceFile(certFile, certPem, 0o644));
  logger.info(
    { path: certFile, reason, names: subject.dnsNames, addresses: subject.addresses },
    'server certificate issued',
  );
  return toIdentity(ca, certPem, keyPem);
}

interface Subject {
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
}

function toSubject({ names, addresses }: ServerIdentityOptions): Subject {
  const isName = (name: string): boolean =>
    /^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/.test(name) && isIP(name) === 0;
  const all = [...addresses, ...names].map((entry) => entry.toLowerCase());
  return {
    dnsNames: [...new Set(all.filter(isName))].sort(),
    addresses: [
      ...new Set(all.map((entry) => entry.replace(/%.*$/, '')).filter((entry) => isIP(entry) !== 0)),
    ].sort(),
  };
}

/** Files of these names are also what other tools make, Kuma among them: those are not ours to replace. */
function mustBeOurs(certFile: string, pem: string, ca: CertificateAuthority): void {
  const certificate = parseCertificate(pem);
  if (certificate !== undefined && isOurs(certificate, ca)) return;
  const what =
    certificate === undefined ? 'is not a certificate in PEM' : 'was not issued by this control plane';
  throw new TlsError(
    'foreign',
    `"${certFile}" ${what}; to use it, set general.tlsCertFile and general.tlsKeyFile, else move it and its key away`,
  );
}

function isOurs(certificate: X509Certificate, ca: CertificateAuthority): boolean {
  return (
    certificate.verify(ca.certificate.publicKey) || certificate.issuer.startsWith(`CN=${CA_NAME_PREFIX}`)
  );
}

function mustBeKey(keyFile: string): string {
  const keyPem = readIfThere(keyFile) ?? '';
  if (parseP256Key(keyPem) !== undefined) return keyPem;
  throw new TlsError('foreign', `"${keyFile}" is not a key this control plane made; move it away`);
}

interface Wanted {
  readonly ca: CertificateAuthority;
  readonly keyPem: string;
  readonly subject: Subject;
  readonly nowMs: number;
}

/** Why the certificate that is there does not do, for the log; undefined when it does. */
function reasonToIssue(pem: string | undefined, { ca, keyPem, subject, nowMs }: Wanted): string | undefined {
  const certificate = pem === undefined ? undefined : parseCertificate(pem);
  if (certificate === undefined) return 'there was none';
  if (!certificate.verify(ca.certificate.publicKey)) return 'the CA is another one';
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) return 'the key is another one';
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  if (nowMs < from || to - nowMs < (to - from) / 3) return `it is valid from ${iso(from)} to ${iso(to)} only`;
  const missing =
    subject.dnsNames.find((name) => certificate.checkHost(name, { subject: 'never' }) === undefined) ??
    subject.addresses.find((address) => certificate.checkIP(address) === undefined);
  return missing === undefined ? undefined : `it did not name ${missing}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function toIdentity(ca: CertificateAuthority, certPem: string, keyPem: string): ServerIdentity {
  const notAfter = parseCertificate(certPem)?.validToDate ?? new Date(0);
  return { caPem: ca.certPem, certPem, keyPem, notAfter };
}
