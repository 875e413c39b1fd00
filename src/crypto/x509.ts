import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { parseP256Key, toDer } from './keys.ts';

/** Making certificates. Pure but for the key pairs and serial numbers, which may be passed in; nothing is stored here. */

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** Clocks of peers may be this far behind. */
const SKEW_MS = 5 * 60_000;

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

interface Validity {
  /** Wall time in ms; the certificate is valid from a little before. */
  readonly nowMs: number;
  readonly lifetimeMs: number;
}

export interface CaRequest extends Validity {
  readonly commonName: string;
  /** ECDSA P-256 private key in PEM. */
  readonly keyPem: string;
  /** Positive, as hex; 16 random bytes by default. */
  readonly serialNumber?: string;
}

/** A self-signed CA that may sign servers, not further CAs. Returns PEM. */
export async function createCaCertificate(request: CaRequest): Promise<string> {
  const keys = await importKeyPair(request.keyPem);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...envelope(request),
    name: toDistinguishedName(request.commonName),
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return toPem(certificate);
}

export interface ServerRequest extends Validity {
  readonly ca: KeyedCertificate;
  readonly commonName: string;
  /** Private key the certificate is for, PEM. */
  readonly keyPem: string;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  readonly serialNumber?: string;
}

/** A server certificate for exactly these names and addresses; it never outlives its CA. Returns PEM. */
export async function issueServerCertificate(request: ServerRequest): Promise<string> {
  const bad = request.addresses.find((address) => isIP(address) === 0);
  if (bad !== undefined) throw new RangeError(`not an IP address: ${JSON.stringify(bad)}`);
  const issuer = new x509.X509Certificate(request.ca.certPem);
  const issuerKeys = await importKeyPair(request.ca.keyPem);
  const { publicKey } = await importKeyPair(request.keyPem);
  const dates = envelope(request);
  const certificate = await x509.X509CertificateGenerator.create({
    ...dates,
    notAfter: new Date(Math.min(dates.notAfter.getTime(), issuer.notAfter.getTime())),
    subject: toDistinguishedName(request.commonName),
    issuer: issuer.subject,
    publicKey,
    signingKey: issuerKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
      new x509.SubjectAlternativeNameExtension([
        ...request.dnsNames.map((value) => ({ type: 'dns' as const, value })),
        ...request.addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(issuerKeys.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return toPem(certificate);
}

function envelope({
  nowMs,
  lifetimeMs,
  serialNumber = randomSerial(),
}: Validity & { readonly serialNumber?: string }) {
  return {
    serialNumber,
    notBefore: new Date(nowMs - SKEW_MS),
    notAfter: new Date(nowMs + lifetimeMs),
    signingAlgorithm: ECDSA_P256,
  };
}

/** Positive and never empty, as RFC 5280 wants it. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** Plain names only: the library reads quotes, `#` and `+` as notation. */
function toDistinguishedName(commonName: string): x509.JsonName {
  if (!/^[A-Za-z0-9][A-Za-z0-9 .-]*$/.test(commonName))
    throw new RangeError(`not a plain common name: "${commonName}"`);
  return [{ CN: [commonName] }];
}

async function importKeyPair(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const key = parseP256Key(pem);
  if (key === undefined) throw new TypeError('not an ECDSA P-256 private key');
  const { pkcs8, spki } = toDer(key);
  const { subtle } = webcrypto;
  return {
    privateKey: await subtle.importKey('pkcs8', pkcs8, ECDSA_P256, false, ['sign']),
    publicKey: await subtle.importKey('spki', spki, ECDSA_P256, true, ['verify']),
  };
}

function toPem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
