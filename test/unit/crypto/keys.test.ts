import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { generateKeyPem, parseP256Key, toDer } from '../../../src/crypto/keys.ts';

describe('private keys', () => {
  test('made here are read back, and each is another one', () => {
    const pem = generateKeyPem();
    expect(parseP256Key(pem)?.export({ type: 'pkcs8', format: 'pem' })).toBe(pem);
    expect(generateKeyPem()).not.toBe(pem);
  });

  test.each([
    ['text', 'not a key'],
    ['nothing', ''],
    [
      'a key of another curve',
      generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ],
    [
      'a key of another kind',
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ],
    ['half a key', generateKeyPem().slice(0, 100)],
  ])('are not read from %s', (_what, pem) => {
    expect(parseP256Key(String(pem))).toBeUndefined();
  });

  test('are exported in both halves', () => {
    const key = parseP256Key(generateKeyPem());
    if (key === undefined) throw new Error('no key');
    expect(toDer(key).pkcs8.length).toBeGreaterThan(toDer(key).spki.length);
  });
});
