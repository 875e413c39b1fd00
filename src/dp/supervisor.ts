import { aborted } from '../lib/aborted.ts';
import { describeError } from '../lib/coded-error.ts';
import { AgentError } from './agent-error.ts';
import { createFleet } from './fleet.ts';
import type { RestartRequest } from './hot-restart/requests.ts';
import { pauseBefore } from './pause.ts';
import type { EnvoyPlan } from './plan.ts';
import { toDiskFault } from './run-dir/fault.ts';
import type { EnvoyControl, Serving } from './running-envoy.ts';
import { type Ending, type ServiceOptions, serve } from './service.ts';
import { type AdoptedEnvoys, adopt, startAlone } from './serving.ts';
import type { CrashHistory } from './state/crash-history.ts';

export interface SupervisorOptions extends ServiceOptions {
  readonly plan: EnvoyPlan;
  /** What the agent begins with instead of a start. */
  readonly adopted: AdoptedEnvoys | undefined;
  readonly crashes: CrashHistory<EnvoyPlan>;
}

const HURRIED_GRACE_MS = 200;

/**
 * Keeps an Envoy running until asked to stop, then ends it; returns with no Envoy left, or true when it was
 * asked to leave them alone. Throws when the very first
 * start is refused (later the same fault is waited out, since a proxy that served must not be given up), or when it
 * restarted as often as it may.
 */
export async function superviseEnvoy(options: SupervisorOptions): Promise<boolean> {
  const { machine, stop, crashes, logger } = options;
  const control = leavingOnce(options);
  const parts = { ...options, control, revise: lookOnce(options.revise) };
  const fleet = createFleet(control, options.epochs);
  let { plan, adopted } = options;
  let detached = false;
  const begin = () => (adopted === undefined ? startAlone(parts, fleet, plan) : adopt(parts, fleet, adopted));
  try {
    // An Envoy that was adopted runs already: a stop that has come by now is for it, too.
    for (let first = true; adopted !== undefined || !stop.graceful.aborted; first = false) {
      let problem = adopted === undefined ? await control.check(plan, stop.graceful) : undefined;
      if (adopted === undefined && stop.graceful.aborted) break;
      let begun: Serving | undefined;
      try {
        if (problem === undefined) begun = begin();
      } catch (error) {
        problem = toDiskFault(error);
      }
      if (problem !== undefined && first) throw problem;
      const ending = begun && (await serve(parts, fleet, begun));
      adopted = undefined;
      if (ending?.kind === 'detached') {
        detached = true;
        return true;
      }
      if (stop.graceful.aborted || ending?.kind === 'stopped') break;
      const next = afterEnding(ending, problem, { plan, crashes });
      plan = next.plan;
      if (next.note !== '') logger.warn({}, next.note);
      machine.dispatch({
        ...{ event: 'exited', reason: next.reason, delayMs: next.delayMs },
        asked: ending?.kind === 'restart',
      });
      plan = await pauseBefore(parts, { ...next, anyWish: begun === undefined });
      machine.dispatch({ event: 'restart-due' });
    }
    // Also where no Envoy runs to be drained: peers may still be told of this proxy.
    await Promise.race([control.leave(), aborted(stop.immediate)]);
    return false;
  } finally {
    options.restarts.close('the agent stops');
    if (detached) control.forget();
    else await fleet.end(HURRIED_GRACE_MS);
  }
}

/** The leave is announced once, and whatever becomes of that is no reason not to go. */
function leavingOnce({ control, logger }: SupervisorOptions): EnvoyControl {
  let leaving: Promise<void> | undefined;
  const announce = () =>
    control
      .leave()
      .catch((error: unknown) => logger.warn({ cause: describeError(error) }, 'the leave was not announced'));
  return { ...control, leave: () => (leaving ??= announce()) };
}

/**
 * Whoever takes a request up again gets what the look found that was begun for it: a control plane may take longer to
 * answer than Envoy to crash, and the pause after that.
 */
function lookOnce(revise: ServiceOptions['revise']): ServiceOptions['revise'] {
  const looks = new WeakMap<RestartRequest, { before: EnvoyPlan; found: Promise<EnvoyPlan> }>();
  return (before, request) => {
    const begun = looks.get(request);
    if (begun?.before === before) return begun.found;
    const found = revise(before, request);
    looks.set(request, { before, found });
    return found;
  };
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
