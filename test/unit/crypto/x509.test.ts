import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { generateKeyPem } from '../../../src/crypto/keys.ts';
import {
  createCaCertificate,
  issueServerCertificate,
  type KeyedCertificate,
} from '../../../src/crypto/x509.ts';

const nowMs = Date.parse('2030-05-06T07:08:09Z');
const DAY_MS = 24 * 3_600_000;

async function makeCa(lifetimeMs = 100 * DAY_MS): Promise<KeyedCertificate> {
  const keyPem = generateKeyPem();
  return { keyPem, certPem: await createCaCertificate({ commonName: 'test CA', keyPem, nowMs, lifetimeMs }) };
}

const server = {
  commonName: 'server',
  nowMs,
  lifetimeMs: DAY_MS,
  dnsNames: ['cp.example'],
  addresses: ['10.0.0.1', '::1'],
};

describe('a CA certificate', () => {
  test('is a CA, signed by itself, for the time asked for', async () => {
    const certificate = new X509Certificate((await makeCa()).certPem);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe('CN=test CA');
    expect(certificate.validToDate.getTime()).toBe(nowMs + 100 * DAY_MS);
    expect(certificate.validFromDate.getTime()).toBeLessThan(nowMs);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });

  test('has the serial number it was given, and another one each time otherwise', async () => {
    const keyPem = generateKeyPem();
    const make = (serialNumber?: string) =>
      createCaCertificate({
        commonName: 'x',
        keyPem,
        nowMs,
        lifetimeMs: DAY_MS,
        ...(serialNumber ? { serialNumber } : {}),
      });
    expect(new X509Certificate(await make('0a1b')).serialNumber).toBe('0A1B');
    expect(new X509Certificate(await make()).serialNumber).not.toBe(
      new X509Certificate(await make()).serialNumber,
    );
  });

  test('is not made under a name that reads as notation', async () => {
    const request = { commonName: 'a, O=b', keyPem: generateKeyPem(), nowMs, lifetimeMs: DAY_MS };
    await expect(createCaCertificate(request)).rejects.toThrow('not a plain common name');
  });
});

describe('a server certificate', () => {
  test('is issued by its CA for exactly its names and addresses', async () => {
    const ca = await makeCa();
    const authority = new X509Certificate(ca.certPem);
    const keyPem = generateKeyPem();
    const certificate = new X509Certificate(await issueServerCertificate({ ...server, ca, keyPem }));
    expect(certificate.checkIssued(authority)).toBe(true);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkHost('cp.example', { subject: 'never' })).toBe('cp.example');
    expect(certificate.checkHost('other.example')).toBeUndefined();
    expect([certificate.checkIP('10.0.0.1'), certificate.checkIP('::1')]).toEqual(['10.0.0.1', '::1']);
    expect(certificate.checkIP('10.0.0.2')).toBeUndefined();
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  test('does not outlive its CA', async () => {
    const ca = await makeCa(DAY_MS);
    const certificate = new X509Certificate(
      await issueServerCertificate({ ...server, ca, keyPem: generateKeyPem(), lifetimeMs: 50 * DAY_MS }),
    );
    expect(certificate.validToDate.getTime()).toBe(nowMs + DAY_MS);
  });

  test.each([
    ['an address that is none', { addresses: ['10.0.0.256'] }, 'not an IP address'],
    ['a key that is none', { keyPem: 'secret' }, 'not an ECDSA P-256 private key'],
  ])('is refused for %s', async (_what, wrong, message) => {
    const request = { ...server, ca: await makeCa(), keyPem: generateKeyPem(), ...wrong };
    await expect(issueServerCertificate(request)).rejects.toThrow(message);
  });
});
