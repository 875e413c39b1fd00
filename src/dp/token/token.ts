import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { watchPaths } from '../../lib/watch-paths.ts';
import { readClaims } from './claims.ts';
import { watchExpiry } from './expiry.ts';
import { hideIn } from './hide.ts';
import { judgeClaims, type TokenBearer } from './judge.ts';
import { describeSource, isReadAgain, readToken, type TokenSource } from './source.ts';

export interface TokenOptions {
  /** undefined: the proxy has no token. */
  readonly source: TokenSource | undefined;
  /** What was read when the settings were; a pipe cannot be read again. */
  readonly first: string | undefined;
  readonly bearer: TokenBearer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Another token is there. */
  readonly onChange: () => void;
}

/** The token of this proxy, as it is now. Its text is in no line of the log. */
export interface Token {
  readonly current: string | undefined;
  /** Its source is looked at again and again. */
  readonly mayChange: boolean;
  /** The control plane refused who we are: reads the source again and says, now and then, what is wrong. */
  refused(reason: string): void;
  stop(): void;
}

const FIRST_SILENCE_MS = 5_000;
const LONGEST_SILENCE_MS = 600_000;

export function watchToken(options: TokenOptions): Token {
  const { source, bearer, clock, logger } = options;
  if (source === undefined) return withoutToken(options);
  const origin = describeSource(source);
  let current = options.first;
  let trouble = '';
  let cancelExpiry = (): void => {};
  let silentUntil = Number.NEGATIVE_INFINITY;
  let silenceMs = FIRST_SILENCE_MS;
  const canReread = isReadAgain(source);

  function take(token: string): void {
    current = token;
    silenceMs = FIRST_SILENCE_MS;
    silentUntil = Number.NEGATIVE_INFINITY;
    cancelExpiry();
    const claims = readClaims(token);
    const problem = judgeClaims(claims, bearer, clock.now());
    if (problem !== '' && claims !== undefined)
      logger.warn({ source: origin }, `the token is of no use: ${problem}`);
    cancelExpiry = watchExpiry(claims, { clock, logger, source: origin });
  }

  /** The problem with the source, '' when it gave a token. What was good stays when it gives none. */
  const look = (): string => {
    if (!canReread) return '';
    const reading = readToken(source);
    if (!reading.ok) {
      if (reading.problem !== trouble)
        logger.warn(
          { source: origin },
          current === undefined
            ? `no token: ${origin} ${reading.problem}`
            : `no new token: ${origin} ${reading.problem}; the last one stays in use`,
        );
      trouble = reading.problem;
      return reading.problem;
    }
    trouble = '';
    if (reading.token === current) return '';
    take(reading.token);
    logger.info({ source: origin }, 'a new token is in use');
    options.onChange();
    return '';
  };

  if (current !== undefined) take(current);
  const watch = canReread
    ? watchPaths(source.kind === 'file' ? [source.path] : [], { clock, onMaybeChanged: look })
    : undefined;
  look();
  return {
    get current() {
      return current;
    },
    mayChange: canReread,
    refused(reason) {
      const before = current;
      const problem = look();
      const now = clock.monotonic();
      if (current !== before || now < silentUntil) return;
      silentUntil = now + silenceMs;
      silenceMs = Math.min(silenceMs * 2, LONGEST_SILENCE_MS);
      const said = hideIn(reason, current);
      const what = problem === '' ? describe(current, bearer, clock.now()) : `${origin} ${problem}`;
      logger.error({ source: origin, reason: said }, `the control plane does not accept the token: ${what}`);
    },
    stop() {
      cancelExpiry();
      watch?.stop();
    },
  };
}

function describe(token: string | undefined, bearer: TokenBearer, nowMs: number): string {
  if (token === undefined) return 'there is none';
  const problem = judgeClaims(readClaims(token), bearer, nowMs);
  if (problem !== '') return problem;
  return 'nothing is wrong with it as far as this side can see: it may be revoked, signed by another key, or bound to tags this Dataplane has not';
}

function withoutToken({ clock, logger }: TokenOptions): Token {
  let silentUntil = Number.NEGATIVE_INFINITY;
  let silenceMs = FIRST_SILENCE_MS;
  return {
    current: undefined,
    mayChange: false,
    refused(reason) {
      const now = clock.monotonic();
      if (now < silentUntil) return;
      silentUntil = now + silenceMs;
      silenceMs = Math.min(silenceMs * 2, LONGEST_SILENCE_MS);
      logger.error({ reason }, 'the control plane wants a token: give one with --dataplane-token-file');
    },
    stop() {},
  };
}
