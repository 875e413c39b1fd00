// What becomes of a wish for another Envoy: a hand-over, a cold start, or a refusal that leaves all as it is.
import { aborted } from '../lib/aborted.ts';
import { describeError } from '../lib/coded-error.ts';
import type { Fleet } from './fleet.ts';
import { type HandOverParts, handOver } from './hand-over.ts';
import type { Epochs } from './hot-restart/epochs.ts';
import type { RestartRequest } from './hot-restart/requests.ts';
import { describeChange, type EnvoyPlan } from './plan.ts';
import type { Serving } from './running-envoy.ts';
import { observe, type ServingParts } from './serving.ts';

export interface RestartParts extends HandOverParts, ServingParts {
  readonly epochs: Epochs | undefined;
  /** Looks for a newer binary and bootstrap; the same plan when there is none. Throws AgentError. */
  readonly revise: (before: EnvoyPlan, request: RestartRequest) => Promise<EnvoyPlan>;
  readonly timing: HandOverParts['timing'] & {
    readonly drainTimeMs: number;
    /** An Envoy whose admin interface is silent for so long is killed; 0: never. */
    readonly silenceMs: number;
  };
}

/** Envoy was ended for a start that was asked for: not its fault. */
export interface AskedFor {
  readonly kind: 'restart';
  readonly plan: EnvoyPlan;
  readonly cause: string;
}

/** What serves from now on, or why nothing does. */
type Granted =
  | Serving
  | AskedFor
  | { readonly kind: 'crashed'; readonly serving: Serving; readonly reason: string };

const END_GRACE_MS = 5_000;

interface Wish {
  readonly serving: Serving;
  readonly request: RestartRequest;
}

interface LetGo {
  /** Lets the connections of the serving Envoy end; one that is asked for again is the same. */
  readonly letGo: () => Promise<void>;
}

/** What a wish comes to before anything is touched. */
export type Prepared =
  /** It was answered, or was given up meanwhile. */
  | { readonly kind: 'settled' }
  | { readonly kind: 'agreed'; readonly plan: EnvoyPlan; readonly change: string };

const SETTLED: Prepared = { kind: 'settled' };

/**
 * Looks for a newer plan and has it checked, which may take as long as a control plane that does not answer: whoever
 * serves goes on meanwhile. Nobody is answered any more once the signal is aborted.
 */
export async function prepareRestart(
  options: RestartParts,
  fleet: Fleet,
  wish: Preparation,
): Promise<Prepared> {
  try {
    return await prepare(options, fleet, wish);
  } catch (error) {
    // Whatever it is, it is no reason to give up the Envoy that serves.
    if (wish.signal.aborted) return SETTLED;
    const reason = `not restarted: ${describeError(error)}`;
    options.logger.error({ cause: wish.request.cause }, reason);
    refuse(options, wish, { reason, wanted: undefined });
    return SETTLED;
  }
}

type Preparation = Wish & { readonly signal: AbortSignal };

async function prepare(options: RestartParts, fleet: Fleet, wish: Preparation): Promise<Prepared> {
  const { logger, epochs, revise, handOvers } = options;
  const { serving, request, signal } = wish;
  const { cause } = request;
  const plan = await revise(serving.envoy.plan, request);
  if (signal.aborted) return SETTLED;
  const change = describeChange(serving.envoy.plan, plan);
  if (plan === serving.envoy.plan && !request.always) {
    handOvers.unchanged(plan);
    request.finish({ ok: true, text: 'nothing changed' });
    return SETTLED;
  }
  if (epochs === undefined && !request.always) {
    // Nobody asked for it: not worth a moment without service.
    const text = `changed: ${change}; taken up at the next restart, since hot restart is off`;
    logger.info({ cause }, text);
    request.finish({ ok: true, text });
    return SETTLED;
  }
  logger.info({ cause, change }, 'restarting Envoy');
  const problem = await options.control.checkHandOver(fleet.next(serving.envoy, plan), signal);
  if (signal.aborted) return SETTLED;
  const silent = problem === undefined && !(await isAnswered(options, serving));
  if (signal.aborted) return SETTLED;
  if (problem === undefined && !silent) return { kind: 'agreed', plan, change };
  const reason = problem?.message ?? SILENT;
  logger.error({ cause, change }, `no hand-over: ${reason}`);
  refuse(options, wish, { reason, wanted: plan });
  return SETTLED;
}

const SILENT =
  'Envoy does not answer, so no other can take over from it; should that last, it is killed and started anew (--envoy-silence-timeout)';
const TRIES = 4;

/** A child waits for its parent: one that hangs would keep the agent from noticing, and clients from service, for longer. */
async function isAnswered(
  { control, epochs, timing }: RestartParts,
  { envoy, adminLost, readyAt }: Serving,
): Promise<boolean> {
  if (epochs === undefined || adminLost || readyAt === undefined || timing.silenceMs === 0) return true;
  for (let tries = 0; tries < TRIES; tries++) if (await control.answers(envoy)) return true;
  return false;
}

/** Grants a restart that was prepared: a hand-over where that is possible, a cold start where it is not. */
export async function restart(
  options: RestartParts,
  fleet: Fleet,
  wish: Wish & LetGo & { readonly plan: EnvoyPlan; readonly change: string },
): Promise<Granted> {
  const obstacle = findObstacle(options.epochs, wish.serving);
  return obstacle === '' ? restartHot(options, fleet, wish) : restartCold(options, { ...wish, obstacle });
}

function findObstacle(epochs: Epochs | undefined, { readyAt }: Serving): string {
  if (epochs === undefined) return 'hot restart is off';
  if (readyAt === undefined) return 'Envoy has not been ready yet';
  // Whatever may have used the id meanwhile: no child of this agent starts now.
  return epochs.unwedge() ? '' : 'the hot restart id is wedged and cannot be freed';
}

/** What serves goes on to serve. */
function refuse(
  { handOvers }: RestartParts,
  { serving, request }: Wish,
  { reason, wanted }: { reason: string; wanted: EnvoyPlan | undefined },
): Serving {
  handOvers.refused({ cause: request.cause, reason, wanted });
  request.finish({ ok: false, text: reason });
  return serving;
}

async function restartHot(
  options: RestartParts,
  fleet: Fleet,
  wish: Wish & LetGo & { readonly plan: EnvoyPlan; readonly change: string },
): Promise<Granted> {
  const { handOvers } = options;
  const { serving, request, plan, change, letGo } = wish;
  const { cause } = request;
  const result = await handOver(options, fleet, {
    serving,
    plan,
    cause,
    observe: (e) => observe(options, e),
  });
  switch (result.kind) {
    case 'done': {
      const text = `epoch ${result.serving.envoy.epoch} took over (changed: ${change})`;
      handOvers.done(cause, text);
      request.finish({ ok: true, text });
      return result.serving;
    }
    case 'kept':
      refuse(options, wish, { reason: result.reason, wanted: plan });
      // One like it that took over is what a restart without a change asked for.
      if (result.serving !== serving) handOvers.served(result.serving.envoy.plan);
      return result.serving;
    case 'lost':
      refuse(options, wish, { reason: result.reason, wanted: plan });
      return { kind: 'crashed', serving, reason: result.reason };
    case 'stuck': {
      const reason = `${result.reason}; Envoy is started anew as it was`;
      const finish = () => void refuse(options, wish, { reason, wanted: plan });
      return restartCold(options, {
        serving: result.serving,
        request: { cause, finish },
        plan: serving.envoy.plan,
        letGo,
        obstacle: 'the roll-back of a failed hand-over failed, too',
      });
    }
  }
}

/**
 * The parent died before its child could end it. The child would abort when it tries, so it is replaced while there is
 * time to let its connections go.
 */
export async function renew(
  options: RestartParts,
  { serving, letGo }: LetGo & { readonly serving: Serving },
): Promise<Granted> {
  const cause = 'the old Envoy died before its time';
  const request = { cause, finish: () => {} };
  const obstacle = 'the Envoy that serves would not survive that';
  return restartCold(options, { serving, letGo, request, plan: serving.envoy.plan, obstacle });
}

interface ColdRestart extends LetGo {
  readonly serving: Serving;
  readonly request: Pick<RestartRequest, 'cause' | 'finish'>;
  readonly plan: EnvoyPlan;
  /** Why there is no hand-over. */
  readonly obstacle: string;
}

/**
 * Without a hand-over connections would be cut: they are let go first, for as long as a stop would take. A stop that
 * comes meanwhile finds the same Envoy, and goes on to wait.
 */
async function restartCold(
  { logger, stop, machine, timing }: RestartParts,
  { serving, request, plan, obstacle, letGo }: ColdRestart,
): Promise<Granted> {
  logger.warn(
    { cause: request.cause, obstacle, drainTimeMs: timing.drainTimeMs },
    'no hand-over is possible: waiting for a quiet moment, then starting anew; connections are refused meanwhile',
  );
  machine.dispatch({ event: 'hand-over', cause: request.cause, cold: true });
  const { envoy } = serving;
  await Promise.race([letGo(), envoy.exited, aborted(stop.graceful)]);
  if (stop.graceful.aborted) {
    request.finish({ ok: false, text: 'the agent stops' });
    return serving;
  }
  serving.monitor.stop();
  await envoy.end(END_GRACE_MS);
  request.finish({ ok: true, text: 'Envoy is started anew' });
  return { kind: 'restart', plan, cause: request.cause };
}
