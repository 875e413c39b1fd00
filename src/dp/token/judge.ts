import { formatDuration } from '../../lib/duration.ts';
import type { TokenClaims } from './claims.ts';

/** Whom the token is to prove. */
export interface TokenBearer {
  readonly mesh: string;
  readonly name: string;
}

/** What is wrong with a token as far as this side can see; '' when nothing is. */
export function judgeClaims(claims: TokenClaims | undefined, bearer: TokenBearer, nowMs: number): string {
  if (claims === undefined) return 'it is no JWT (three parts of base64 with points between)';
  const { expiresAt, notBefore, name, mesh } = claims;
  const problems = [
    expiresAt !== undefined && expiresAt <= nowMs ? `it expired ${spell(nowMs - expiresAt)} ago` : '',
    notBefore !== undefined && notBefore > nowMs
      ? `it is valid only in ${spell(notBefore - nowMs)}: made in the future, or this clock is behind`
      : '',
    name !== '' && name !== bearer.name ? `it is for the proxy "${name}", this one is "${bearer.name}"` : '',
    mesh !== '' && mesh !== bearer.mesh
      ? `it is for the mesh "${mesh}", this proxy is in "${bearer.mesh}"`
      : '',
  ];
  return problems.filter((problem) => problem !== '').join('; ');
}

/** Whole seconds, and no more than that. */
export function spell(ms: number): string {
  return formatDuration(Math.max(0, Math.round(ms / 1000)) * 1000);
}
