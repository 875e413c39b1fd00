import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadGivenIdentity } from '../../../../src/cp/tls/given-identity.ts';
import { generateKeyPem } from '../../../../src/crypto/keys.ts';
import { createCaCertificate, issueServerCertificate } from '../../../../src/crypto/x509.ts';
import { systemClock } from '../../../../src/lib/clock.ts';

const DAY_MS = 24 * 3_600_000;
const nowMs = Date.now();
const scratch = mkdtempSync(join(tmpdir(), 'kuma-given-'));
const certFile = join(scratch, 'tls.crt');
const keyFile = join(scratch, 'tls.key');
const keyPem = generateKeyPem();
let caPem = '';
let leafPem = '';

beforeAll(async () => {
  const caKey = generateKeyPem();
  caPem = await createCaCertificate({
    commonName: 'company CA',
    keyPem: caKey,
    nowMs,
    lifetimeMs: 100 * DAY_MS,
  });
  const ca = { certPem: caPem, keyPem: caKey };
  const names = { dnsNames: ['cp.example'], addresses: [] };
  leafPem = await issueServerCertificate({
    ca,
    commonName: 'cp',
    keyPem,
    ...names,
    nowMs,
    lifetimeMs: 10 * DAY_MS,
  });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const load = (cert: string, key: string, now = nowMs) => {
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  return loadGivenIdentity({ certFile, keyFile, clock: { ...systemClock, now: () => now } });
};

describe('a certificate that was given', () => {
  test('is used as it is, and its chain is what clients trust', () => {
    const identity = load(leafPem + caPem, keyPem);
    expect(identity).toMatchObject({ certPem: leafPem + caPem, keyPem, caPem });
    expect(Math.abs(identity.notAfter.getTime() - nowMs - 10 * DAY_MS)).toBeLessThan(1000);
  });

  test('is trusted itself when it stands alone', () => {
    expect(load(leafPem, keyPem).caPem).toBe(leafPem);
  });

  test('is refused with a key that is not its own', () => {
    expect(() => load(leafPem, generateKeyPem())).toThrow(
      `"${keyFile}" is not the key of the first certificate in "${certFile}"`,
    );
  });

  test('is refused once it expired, and before it begins', () => {
    expect(() => load(leafPem, keyPem, nowMs + 11 * DAY_MS)).toThrow(/is valid from .* to .*, and now it is/);
    expect(() => load(leafPem, keyPem, nowMs - DAY_MS)).toThrow(/is valid from/);
  });

  test.each([
    ['no certificate', () => load('garbage', keyPem), 'is not a chain of certificates in PEM'],
    [
      'a torn chain',
      () => load(`${leafPem}${caPem.replace(/\n[A-Za-z0-9+/=]{10}/, '\nAAAAAAAAAA')}`, keyPem),
      'is not a chain',
    ],
    ['no key', () => load(leafPem, 'garbage'), 'is not an unencrypted private key in PEM'],
    [
      'no file',
      () => loadGivenIdentity({ certFile: join(scratch, 'absent'), keyFile, clock: systemClock }),
      'there is no file',
    ],
  ])('is refused when there is %s', (_what, attempt, message) => {
    expect(attempt).toThrow(message);
  });
});
