import 'reflect-metadata';
import { createHash, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface TestCertificates {
  readonly ca: string;
  /** Lower-case hex of its SHA-256. */
  readonly caFingerprint: string;
  /** Chains that end in the CA. */
  readonly localhost: { readonly key: string; readonly cert: string };
  readonly elsewhere: { readonly key: string; readonly cert: string };
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A private CA and two server certificates of it. */
export async function makeCertificates(): Promise<TestCertificates> {
  cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const notAfter = new Date(Date.now() + 86_400_000);
  const ca = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=test CA',
    notBefore: new Date(Date.now() - 60_000),
    notAfter,
    keys: keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  });
  const issue = async (name: string, serialNumber: string) => {
    const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const cert = await X509CertificateGenerator.create({
      serialNumber,
      subject: `CN=${name}`,
      issuer: ca.subject,
      notBefore: new Date(Date.now() - 60_000),
      notAfter,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
    });
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey));
    const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`;
    return { key, cert: `${cert.toString('pem')}\n${ca.toString('pem')}\n` };
  };
  return {
    ca: ca.toString('pem'),
    caFingerprint: createHash('sha256').update(Buffer.from(ca.rawData)).digest('hex'),
    localhost: await issue('localhost', '02'),
    elsewhere: await issue('elsewhere.test', '03'),
  };
}
