import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** A new ECDSA P-256 private key, PKCS #8 in PEM. */
export function generateKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** The ECDSA P-256 private key in a PEM text, or undefined when it holds anything else. */
export function parseP256Key(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
      ? key
      : undefined;
  } catch {
    return undefined;
  }
}

/** Both halves in DER, as WebCrypto imports them. */
export function toDer(privateKey: KeyObject): { readonly pkcs8: Buffer; readonly spki: Buffer } {
  return {
    pkcs8: privateKey.export({ type: 'pkcs8', format: 'der' }),
    spki: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
  };
}
