import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { TokenClaims } from './claims.ts';
import { spell } from './judge.ts';

/** Parts of a token's life that are left when it is told. */
const TOLD_AT = [0.25, 0.1];
/** Timers of Node end at 24.8 days; the wall clock may be set meanwhile. */
const LONGEST_WAIT_MS = 3_600_000;

export interface ExpiryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the token came from. */
  readonly source: string;
}

/** Tells when a quarter and a tenth of a token's life are left, and when it is over. Returns what ends it. */
export function watchExpiry(claims: TokenClaims | undefined, options: ExpiryOptions): () => void {
  const { clock, logger, source } = options;
  const { expiresAt, issuedAt, notBefore } = claims ?? {};
  if (expiresAt === undefined) return () => {};
  const bornAt = Math.min(issuedAt ?? notBefore ?? clock.now(), expiresAt);
  const lifeMs = expiresAt - bornAt;
  const due = [...TOLD_AT.map((part) => expiresAt - part * lifeMs), expiresAt];
  let told = -1;
  let cancel = (): void => {};
  const look = (): void => {
    const now = clock.now();
    const last = due.findLastIndex((at) => at <= now);
    if (last > told) {
      told = last;
      const facts = { source, expires: new Date(expiresAt).toISOString() };
      if (now >= expiresAt)
        logger.error(facts, 'the token has expired: no new stream or start will be accepted; replace it');
      else logger.warn(facts, `the token expires in ${spell(expiresAt - now)}; put a new one into its place`);
    }
    const next = due[told + 1];
    if (next !== undefined) cancel = clock.after(Math.min(Math.max(next - now, 1), LONGEST_WAIT_MS), look);
  };
  look();
  return () => cancel();
}
