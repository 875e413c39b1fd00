import { setTimeout as delay } from 'node:timers/promises';
import type { BootstrapRequest, HealthRequest, LeaveRequest } from '../../bootstrap/contract.ts';
import { createBackoff } from '../../lib/backoff.ts';
import { describeError } from '../../lib/coded-error.ts';
import { formatDuration } from '../../lib/duration.ts';
import { type Exchange, exchange } from '../../lib/http-exchange.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../agent-error.ts';
import type { ControlPlaneTarget } from '../config/agent-config.ts';
import type { Place } from '../control-planes/place.ts';
import type { ControlPlanes } from '../control-planes/planes.ts';
import { hideIn } from '../token/hide.ts';
import { type BootstrapFailure, explainFault, explainStatus } from './failure.ts';
import { parseBootstrapReply } from './reply.ts';
import { resolveTrust } from './trust.ts';

const REQUEST_TIMEOUT_MS = 10_000;
/** One of several that is slow is not waited for; when all of them are, they get the longer time. */
const HASTY_TIMEOUT_MS = 3_000;
const FIRST_PAUSE_MS = 100;
/** Silence longer than this wants an explanation. */
const PROGRESS_AFTER_MS = 1_000;
const PROGRESS_EVERY_MS = 10_000;
const PROGRESS_MOST_MS = 300_000;

export interface FetchOptions {
  readonly target: ControlPlaneTarget;
  /** Whom to ask; without it the one in `target`. */
  readonly planes?: ControlPlanes | undefined;
  /** Told who gave the bootstrap. */
  readonly onAnswer?: (place: Place, bootstrap: JsonObject) => void;
  /** Made anew for each attempt: the CA may only be known once the control plane answers. */
  readonly request: (caCert: string | undefined) => BootstrapRequest;
  readonly logger: Logger;
  /** There are others to ask: one that is silent is not waited for as long. */
  readonly hasty?: boolean;
  /** Ends the attempts; the promise then rejects with the reason of the signal. */
  readonly signal: AbortSignal;
  readonly random?: () => number;
  /** Hears of each failure; true makes one that time cannot heal into one that it can. */
  readonly mayHeal?: (failure: BootstrapFailure) => boolean;
  /**
   * Hears of each failure before it is decided on; true goes on for ever, whatever the failure is. Without it a failure
   * that time cannot heal, and the end of the time for retries, give up.
   */
  readonly onFailure?: (failure: BootstrapFailure) => boolean;
}

/** Asks until there is a bootstrap. Throws AgentError with the last cause when time is up, at once when time cannot help. */
export async function fetchBootstrap(options: FetchOptions): Promise<JsonObject> {
  const { target, signal, random } = options;
  const maxMs = Math.max(target.retryBackoffMs, FIRST_PAUSE_MS);
  const backoff = createBackoff({
    baseMs: FIRST_PAUSE_MS,
    maxMs,
    ...(random === undefined ? {} : { random }),
  });
  const startedAt = performance.now();
  const progress = createProgress(options, startedAt);
  const tried = new Set<string>();
  let hope = false;
  for (let attempt = 1; ; attempt++) {
    const { place, others, ...chosen } = await chooseTarget(options, tried);
    const outcome = await tryOnce({ ...options, ...chosen }, others > 0 || options.hasty === true);
    if ('bootstrap' in outcome) {
      if (place !== undefined) {
        options.planes?.answered(place);
        options.onAnswer?.(place, outcome.bootstrap);
      }
      return outcome.bootstrap;
    }
    signal.throwIfAborted();
    const heals: boolean = outcome.failure.retry || options.mayHeal?.(outcome.failure) === true || hope;
    const failure = { ...outcome.failure, retry: heals };
    if (place !== undefined) options.planes?.failed(place, 'request');
    // Each of several is asked before the answer of one is the last word.
    hope = heals && others > 0;
    if (others > 0) continue;
    tried.clear();
    const persistent = options.onFailure?.(failure) ?? false;
    const now = performance.now();
    const pauseMs = backoff.next();
    if (!persistent && (!failure.retry || now + pauseMs - startedAt > target.retryMaxMs))
      throw finalError(failure, chosen.target, attempt);
    progress({ failure, url: chosen.target.url, attempt, persistent, now, pauseMs });
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

interface Chosen {
  readonly target: ControlPlaneTarget;
  readonly place: Place | undefined;
  /** Whom to ask before a pause. */
  readonly others: number;
}

async function chooseTarget({ target, planes }: FetchOptions, tried: Set<string>): Promise<Chosen> {
  if (planes === undefined) return { target, place: undefined, others: 0 };
  const place = await planes.next(tried);
  tried.add(place.key);
  const others = (await planes.list()).filter(({ key }) => !tried.has(key)).length;
  return { target: at(target, place), place, others };
}

function at(target: ControlPlaneTarget, { url, address }: Place): ControlPlaneTarget {
  return { ...target, url, address };
}

/** One line now and then; ever more rarely when there is no end to it. */
function createProgress({ target, logger }: FetchOptions, startedAt: number) {
  let everyMs = PROGRESS_EVERY_MS;
  let dueAt = startedAt + PROGRESS_AFTER_MS;
  return (at: {
    failure: BootstrapFailure;
    url: URL;
    attempt: number;
    persistent: boolean;
    now: number;
    pauseMs: number;
  }) => {
    if (at.now + at.pauseMs < dueAt) return;
    dueAt = at.now + everyMs;
    if (at.persistent) everyMs = Math.min(everyMs * 2, PROGRESS_MOST_MS);
    const left = formatDuration(Math.round((target.retryMaxMs - (at.now - startedAt)) / 1000) * 1000);
    const outlook = at.persistent ? 'still trying' : `trying for another ${left}`;
    logger.warn(
      { attempt: at.attempt, url: at.url.origin },
      `no bootstrap yet: ${at.failure.message} (${outlook})`,
    );
  };
}

/** Says goodbye before draining, so that peers stop sending. Best effort: whether it was understood is all one learns. */
export async function announceLeave(
  target: ControlPlaneTarget,
  request: LeaveRequest,
  planes?: ControlPlanes,
): Promise<boolean> {
  return (await tellOne(target, { path: '/leave', request, planes })) === 'understood';
}

/** `not-known`: it knows no such path, as the real kuma-cp, or no such proxy yet. */
export type Told = 'understood' | 'not-known' | 'not-reached';

export function reportHealth(
  target: ControlPlaneTarget,
  request: HealthRequest,
  planes?: ControlPlanes,
): Promise<Told> {
  return tellOne(target, { path: '/health', request, planes });
}

/** Whoever is told must answer within a second; more than two who do not are not waited for. */
const MOST_TOLD = 3;

async function tellOne(
  target: ControlPlaneTarget,
  {
    path,
    request,
    planes,
  }: { readonly path: string; readonly request: object; readonly planes: ControlPlanes | undefined },
): Promise<Told> {
  if (planes === undefined) return tell(target, path, request);
  const tried = new Set<string>();
  let told: Told = 'not-reached';
  while (tried.size < MOST_TOLD) {
    const place = await planes.next(tried);
    if (tried.has(place.key)) break;
    tried.add(place.key);
    told = await tell(at(target, place), path, request);
    if (told !== 'not-reached') break;
  }
  return told;
}

async function tell(target: ControlPlaneTarget, path: string, request: object): Promise<Told> {
  try {
    const { tls } = await resolveTrust(target, AbortSignal.timeout(1_000));
    const body = JSON.stringify(request);
    const { status } = await post(target, { path, body, tls, timeoutMs: 1_000 });
    if (status >= 200 && status < 300) return 'understood';
    return status === 404 || status === 405 ? 'not-known' : 'not-reached';
  } catch {
    return 'not-reached';
  }
}

type Outcome = { readonly bootstrap: JsonObject } | { readonly failure: BootstrapFailure };

async function tryOnce({ target, request, signal }: FetchOptions, hasty: boolean): Promise<Outcome> {
  const timeoutMs = hasty ? HASTY_TIMEOUT_MS : REQUEST_TIMEOUT_MS;
  let reply: Exchange;
  let token: string | undefined;
  try {
    const trust = await resolveTrust(target, signal, timeoutMs);
    const asked = request(trust.caCert);
    token = asked.dataplaneToken;
    const body = JSON.stringify(asked);
    reply = await post(target, {
      path: '/bootstrap',
      body,
      tls: trust.tls,
      timeoutMs,
      signal,
    });
  } catch (error) {
    return { failure: explainFault(error, target.url) };
  }
  if (reply.status === 200) return readReply(reply);
  const failure = explainStatus(reply, target.url);
  return { failure: { ...failure, message: hideIn(failure.message, token) } };
}

function readReply(reply: Exchange): Outcome {
  try {
    return { bootstrap: parseBootstrapReply(reply) };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { failure: { code: error.code, retry: false, message: describeError(error) } };
  }
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
    address: target.address,
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
