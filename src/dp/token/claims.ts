import { isJsonObject, type JsonObject } from '../../lib/json.ts';

/** What a token says of itself. Nothing of it is verified: only the control plane has the key. */
export interface TokenClaims {
  /** Wall time in ms; undefined: never. */
  readonly expiresAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
  /** '' binds to nothing. */
  readonly name: string;
  readonly mesh: string;
}

/** undefined for what is no JWT: another kind of token may be meant. */
export function readClaims(token: string): TokenClaims | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  const [header, payload] = parts.slice(0, 2).map(decode);
  if (header === undefined || payload === undefined) return undefined;
  return {
    expiresAt: seconds(payload.exp),
    notBefore: seconds(payload.nbf),
    issuedAt: seconds(payload.iat),
    name: text(payload.Name),
    mesh: text(payload.Mesh),
  };
}

function decode(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What a Date can hold. */
const LAST_DATE_MS = 8.64e15;

function seconds(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Math.max(-LAST_DATE_MS, Math.min(value * 1000, LAST_DATE_MS));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
