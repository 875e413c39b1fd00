import { setTimeout as delay } from 'node:timers/promises';
import type { BootstrapRequest, LeaveRequest } from '../../bootstrap/contract.ts';
import { createBackoff } from '../../lib/backoff.ts';
import { formatDuration } from '../../lib/duration.ts';
import { type Exchange, exchange } from '../../lib/http-exchange.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../agent-error.ts';
import type { ControlPlaneTarget } from '../config/agent-config.ts';
import { type BootstrapFailure, explainFault, explainStatus } from './failure.ts';
import { parseBootstrapReply } from './reply.ts';
import { resolveTrust } from './trust.ts';

const REQUEST_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 100;
/** Silence longer than this wants an explanation. */
const PROGRESS_AFTER_MS = 1_000;
const PROGRESS_EVERY_MS = 10_000;

export interface FetchOptions {
  readonly target: ControlPlaneTarget;
  /** Made anew for each attempt: the CA may only be known once the control plane answers. */
  readonly request: (caCert: string | undefined) => BootstrapRequest;
  readonly logger: Logger;
  /** Ends the attempts; the promise then rejects with the reason of the signal. */
  readonly signal: AbortSignal;
  readonly random?: () => number;
}

/** Asks until there is a bootstrap. Throws AgentError with the last cause when time is up, at once when time cannot help. */
export async function fetchBootstrap(options: FetchOptions): Promise<JsonObject> {
  const { target, logger, signal, random } = options;
  const maxMs = Math.max(target.retryBackoffMs, FIRST_PAUSE_MS);
  const backoff = createBackoff({
    baseMs: FIRST_PAUSE_MS,
    maxMs,
    ...(random === undefined ? {} : { random }),
  });
  const startedAt = performance.now();
  let saidAt = startedAt + PROGRESS_AFTER_MS - PROGRESS_EVERY_MS;
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryOnce(options);
    if ('bootstrap' in outcome) return outcome.bootstrap;
    signal.throwIfAborted();
    const { failure } = outcome;
    const now = performance.now();
    const pauseMs = backoff.next();
    if (!failure.retry || now + pauseMs - startedAt > target.retryMaxMs)
      throw finalError(failure, target, attempt);
    if (now + pauseMs >= saidAt + PROGRESS_EVERY_MS) {
      saidAt = now;
      const left = formatDuration(Math.round((target.retryMaxMs - (now - startedAt)) / 1000) * 1000);
      logger.warn(
        { attempt, url: target.url.origin },
        `no bootstrap yet: ${failure.message} (trying for another ${left})`,
      );
    }
    await delay(pauseMs, undefined, { signal });
  }
}

/** Says goodbye before draining, so that peers stop sending. Best effort: whether it was understood is all one learns. */
export async function announceLeave(target: ControlPlaneTarget, request: LeaveRequest): Promise<boolean> {
  try {
    const { tls } = await resolveTrust(target, AbortSignal.timeout(1_000));
    const { status } = await post(target, {
      path: '/leave',
      body: JSON.stringify(request),
      tls,
      timeoutMs: 1_000,
    });
    return status >= 200 && status < 300;
  } catch {
    return false;
  }
}

type Outcome = { readonly bootstrap: JsonObject } | { readonly failure: BootstrapFailure };

async function tryOnce({ target, request, signal }: FetchOptions): Promise<Outcome> {
  let reply: Exchange;
  try {
    const trust = await resolveTrust(target, signal);
    const body = JSON.stringify(request(trust.caCert));
    reply = await post(target, {
      path: '/bootstrap',
      body,
      tls: trust.tls,
      timeoutMs: REQUEST_TIMEOUT_MS,
      signal,
    });
  } catch (error) {
    return { failure: explainFault(error, target.url) };
  }
  return reply.status === 200
    ? { bootstrap: parseBootstrapReply(reply) }
    : { failure: explainStatus(reply, target.url) };
}

interface Post {
  readonly path: string;
  readonly body: string;
  readonly tls: object;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

function post(target: ControlPlaneTarget, { path, body, tls, timeoutMs, signal }: Post): Promise<Exchange> {
  return exchange({
    url: new URL(path, target.url),
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body,
    tls,
    timeoutMs,
    signal,
  });
}

function finalError(
  { code, retry, message }: BootstrapFailure,
  { url }: ControlPlaneTarget,
  attempts: number,
): AgentError {
  const tried = retry ? ` (gave up after ${attempts} attempts)` : '';
  return new AgentError(code, `cannot get the bootstrap from ${url.origin}: ${message}${tried}`);
}
