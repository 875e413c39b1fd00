import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { StopRequest } from '../lib/stop-signals.ts';
import { AgentError } from './agent-error.ts';
import { untilQuiet } from './envoy/sockets.ts';
import { createFleet, type Fleet } from './fleet.ts';
import type { Epochs } from './hot-restart/epochs.ts';
import type { HandOvers } from './hot-restart/hand-overs.ts';
import type { RestartQueue } from './hot-restart/requests.ts';
import type { EnvoyPlan } from './plan.ts';
import { type AskedFor, renew, restart } from './restart.ts';
import { toDiskFault } from './run-dir/fault.ts';
import type { EnvoyControl, Serving } from './running-envoy.ts';
import { type AdoptedEnvoys, adopt, report, startAlone } from './serving.ts';
import type { CrashHistory } from './state/crash-history.ts';
import type { Machine } from './state/machine.ts';

export interface SupervisorOptions {
  readonly control: EnvoyControl;
  readonly machine: Machine;
  readonly stop: StopRequest;
  /** Aborted when the proxy is to be drained and kept. */
  readonly drained: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly plan: EnvoyPlan;
  /** What the agent begins with instead of a start. */
  readonly adopted: AdoptedEnvoys | undefined;
  /** Aborted when the agent is to end without its Envoys. */
  readonly detached: AbortSignal;
  /** Looks for a newer binary and bootstrap; the same plan when there is none. Throws AgentError. */
  readonly revise: (before: EnvoyPlan) => Promise<EnvoyPlan>;
  readonly restarts: RestartQueue;
  /** Told how each wish for another Envoy ends. */
  readonly handOvers: HandOvers;
  /** Undefined: hot restart is off. */
  readonly epochs: Epochs | undefined;
  readonly crashes: CrashHistory<EnvoyPlan>;
  /** Why what is served is not what was asked for; '' when it is. Looked at again and again. */
  readonly degradation: () => string;
  readonly timing: SupervisorTiming;
  /** Awaited when connections have ended and before Envoy is: what still calls out through it ends in between. */
  readonly afterDrain?: () => Promise<void>;
}

export interface SupervisorTiming {
  readonly drainTimeMs: number;
  readonly parentShutdownMs: number;
  /** How long a child may take until it is live. */
  readonly childLiveMs: number;
  /** An admin interface that is silent for so long belongs to an Envoy that hangs; 0: never. */
  readonly silenceMs: number;
}

/** From a cold page cache Envoy was measured to take over 4 s until its admin interface answers. */
const ANSWER_TIMEOUT_MS = 30_000;
const WATCH_EVERY_MS = 500;
const END_GRACE_MS = 5_000;
const HURRIED_GRACE_MS = 200;

/** Why a run of Envoys ended. */
type Ending =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'detached' }
  | AskedFor
  | { readonly kind: 'crashed'; readonly serving: Serving; readonly reason: string };

/**
 * Keeps an Envoy running until asked to stop, then ends it; returns with no Envoy left, or true when it was
 * asked to leave them alone. Throws when the very first
 * start is refused (later the same fault is waited out, since a proxy that served must not be given up), or when it
 * restarted as often as it may.
 */
export async function superviseEnvoy(options: SupervisorOptions): Promise<boolean> {
  const { control, machine, stop, crashes, logger } = options;
  const fleet = createFleet(control, options.epochs);
  let { plan, adopted } = options;
  let detached = false;
  const begin = () =>
    adopted === undefined ? startAlone(options, fleet, plan) : adopt(options, fleet, adopted);
  try {
    for (let first = true; !stop.graceful.aborted; first = false) {
      let problem = adopted === undefined ? await control.check(plan, stop.graceful) : undefined;
      if (stop.graceful.aborted) return false;
      let begun: Serving | undefined;
      try {
        if (problem === undefined) begun = begin();
      } catch (error) {
        problem = toDiskFault(error);
      }
      if (problem !== undefined && first) throw problem;
      const ending = begun && (await serve(options, fleet, begun));
      adopted = undefined;
      if (ending?.kind === 'detached') {
        detached = true;
        return true;
      }
      if (stop.graceful.aborted || ending?.kind === 'stopped') return false;
      const next = afterEnding(ending, problem, { plan, crashes });
      plan = next.plan;
      if (next.note !== '') logger.warn({}, next.note);
      machine.dispatch({
        ...{ event: 'exited', reason: next.reason, delayMs: next.delayMs },
        asked: ending?.kind === 'restart',
      });
      await delay(next.delayMs, undefined, { signal: stop.graceful }).catch(() => undefined);
      machine.dispatch({ event: 'restart-due' });
    }
    return false;
  } finally {
    options.restarts.close('the agent stops');
    if (detached) control.forget();
    else await fleet.end(HURRIED_GRACE_MS);
  }
}

interface NextStart {
  readonly plan: EnvoyPlan;
  readonly reason: string;
  readonly delayMs: number;
  readonly note: string;
}

function afterEnding(
  ending: Exclude<Ending, { kind: 'stopped' | 'detached' }> | undefined,
  problem: AgentError | undefined,
  { plan, crashes }: { plan: EnvoyPlan; crashes: CrashHistory<EnvoyPlan> },
): NextStart {
  if (ending?.kind === 'restart')
    return { plan: ending.plan, reason: `restart asked for: ${ending.cause}`, delayMs: 0, note: '' };
  const reason = ending?.reason ?? problem?.message ?? '';
  const verdict = crashes.record({
    plan: ending?.serving.envoy.plan ?? plan,
    reason,
    startedAt: ending?.serving.startedAt,
    readyAt: ending?.serving.readyAt,
    tail: ending?.serving.envoy.tail() ?? [],
  });
  if (verdict.giveUp)
    throw new AgentError('envoy-gave-up', `Envoy was restarted as often as --max-restarts allows: ${reason}`);
  return { plan: verdict.plan, reason, delayMs: verdict.delayMs, note: verdict.note };
}

/** Envoys from the first that serves to the end of the last one that took over. */
async function serve(options: SupervisorOptions, fleet: Fleet, first: Serving): Promise<Ending> {
  const { control, machine, stop, restarts, detached } = options;
  let serving = first;
  let draining: Promise<void> | undefined;
  const drain = () => {
    draining ??= control.leave().then(() => drainOne(options, serving));
    return draining;
  };
  for (;;) {
    const silence = watchSilence(options, serving);
    const event = await Promise.race([
      serving.envoy.exited.then(() => 'exited' as const),
      aborted(stop.graceful).then(() => 'stop' as const),
      draining === undefined ? aborted(options.drained).then(() => 'drain' as const) : never,
      draining === undefined ? aborted(detached).then(() => 'detach' as const) : never,
      // One hand-over at a time: a third epoch would cut the connections of the first at once.
      draining === undefined
        ? fleet.settled().then((how) => (how === 'early' ? 'orphaned' : untilAsked(restarts)))
        : never,
    ]);
    const silent = silence();
    if (event === 'exited') {
      serving.monitor.stop();
      const { reason } = await serving.envoy.exited;
      if (draining === undefined) return { kind: 'crashed', serving, reason: silent ?? reason };
      // Drained and gone: nothing is served that a new one should take up.
      await aborted(stop.graceful);
      return { kind: 'stopped' };
    }
    if (event === 'detach') {
      serving.monitor.stop();
      return { kind: 'detached' };
    }
    if (event === 'stop') {
      await endServing(options, fleet, { serving, drained: drain() });
      return { kind: 'stopped' };
    }
    if (event === 'drain') {
      void drain().then(() => machine.dispatch({ event: 'drained' }));
      continue;
    }
    if (event === 'orphaned') return await renew(options, serving);
    const request = restarts.take();
    if (request === undefined) continue;
    const result = await restart(options, fleet, { serving, request });
    if ('kind' in result) return result;
    serving = result;
  }
}

async function untilAsked(restarts: RestartQueue): Promise<'restart'> {
  await restarts.arrived();
  return 'restart';
}

/** Drains, unless Envoy dies meanwhile, then ends it and what is left of its parent; a second signal cuts both short. */
async function endServing(
  { stop, clock, logger, afterDrain = async () => {} }: SupervisorOptions,
  fleet: Fleet,
  { serving, drained }: { serving: Serving; drained: Promise<void> },
): Promise<void> {
  const { envoy, monitor } = serving;
  await Promise.race([drained, envoy.exited, aborted(stop.immediate)]);
  await Promise.race([afterDrain(), aborted(stop.immediate)]);
  monitor.stop();
  const cut = () => clock.after(HURRIED_GRACE_MS, () => envoy.kill('SIGKILL'));
  stop.immediate.addEventListener('abort', cut, { once: true });
  const { reason } = await envoy.end(stop.immediate.aborted ? HURRIED_GRACE_MS : END_GRACE_MS);
  stop.immediate.removeEventListener('abort', cut);
  await fleet.end(HURRIED_GRACE_MS);
  logger.info({ exit: reason }, 'Envoy ended');
}

async function drainOne(
  { control, stop, timing, clock }: SupervisorOptions,
  serving: Serving,
): Promise<void> {
  if (stop.immediate.aborted) return;
  if (!serving.adminLost) return control.drain(serving.envoy, stop.immediate);
  await untilQuiet(serving.envoy.pid, { clock, timeoutMs: timing.drainTimeMs, signal: stop.immediate });
}

/** Kills an Envoy that lives and does not answer; the returned function ends the watch and tells what it found. */
function watchSilence(options: SupervisorOptions, serving: Serving): () => string | undefined {
  const { clock, timing, logger } = options;
  const { envoy, monitor, startedAt } = serving;
  let found: string | undefined;
  const look = () => {
    const answered = monitor.answeredAt;
    const limitMs = answered === undefined ? ANSWER_TIMEOUT_MS : timing.silenceMs;
    const silentMs = clock.monotonic() - (answered ?? startedAt);
    if (limitMs > 0 && silentMs > limitMs && monitor.missed >= 3 && !serving.adminLost) {
      found = `its admin interface was silent for ${Math.round(silentMs / 1000)} s`;
      logger.error({ pid: envoy.pid }, `Envoy hangs: ${found}; it is killed`);
      return envoy.kill('SIGKILL');
    }
    if (serving.readyAt !== undefined) report(options, serving);
    cancel = clock.after(WATCH_EVERY_MS, look);
  };
  let cancel = clock.after(WATCH_EVERY_MS, look);
  return () => {
    cancel();
    return found;
  };
}

const never = new Promise<never>(() => {});

function aborted(signal: AbortSignal): Promise<true> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(true);
    else signal.addEventListener('abort', () => resolve(true), { once: true });
  });
}
