import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { StopRequest } from '../lib/stop-signals.ts';
import type { Fleet } from './fleet.ts';
import type { Epochs } from './hot-restart/epochs.ts';
import type { EnvoyPlan } from './plan.ts';
import { retireParent } from './retire-parent.ts';
import { toDiskFault } from './run-dir/fault.ts';
import type { EnvoyControl, RunningEnvoy, Serving } from './running-envoy.ts';
import type { Machine } from './state/machine.ts';

export interface HandOverParts {
  readonly control: EnvoyControl;
  readonly machine: Machine;
  readonly stop: StopRequest;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly epochs: Epochs | undefined;
  readonly timing: { readonly childLiveMs: number; readonly parentShutdownMs: number };
}

export interface HandOverRequest {
  readonly serving: Serving;
  readonly plan: EnvoyPlan;
  readonly cause: string;
  /** Begins to follow the child. */
  readonly observe: (envoy: RunningEnvoy) => Serving;
}

export type HandOverResult =
  /** The new Envoy serves; the old one lets its connections end. */
  | { readonly kind: 'done'; readonly serving: Serving }
  /** Nothing changed for clients: the old Envoy, or one just like it, serves. */
  | { readonly kind: 'kept'; readonly serving: Serving; readonly reason: string }
  /** The old Envoy serves, but without admin interface, and no other can follow it. */
  | { readonly kind: 'stuck'; readonly serving: Serving; readonly reason: string }
  /** The old Envoy died; none serves. */
  | { readonly kind: 'lost'; readonly reason: string };

/** After it is live a child is given this long to have everything, before the proxy is called not ready. */
const COMPLETE_MS = 2_000;

/**
 * Starts a new epoch, of a plan that was checked, beside the one that serves and lets it take over. Whatever goes wrong with the new one, the old one
 * serves on; if that lost its admin interface to the failed child, an Envoy just like it takes over to get it back.
 */
export async function handOver(
  parts: HandOverParts,
  fleet: Fleet,
  request: HandOverRequest,
): Promise<HandOverResult> {
  const { control, machine, logger } = parts;
  const { serving, cause } = request;
  machine.dispatch({ event: 'hand-over', cause });
  const first = await tryChild(parts, fleet, request);
  if (first.kind !== 'failed') return first;
  const { reason } = first;
  logger.error({ reason }, 'the new Envoy failed; the old one serves on');
  if (await control.answers(serving.envoy)) {
    serving.monitor.resume();
    machine.dispatch({ event: 'hand-over-failed' });
    return { kind: 'kept', serving, reason };
  }
  return recover(parts, fleet, { ...request, reason });
}

/** The admin interface is lost, so readiness, statistics and drain are: the old binary and bootstrap once more. */
async function recover(
  parts: HandOverParts,
  fleet: Fleet,
  request: HandOverRequest & { readonly reason: string },
): Promise<HandOverResult> {
  const { machine, logger, epochs } = parts;
  const { serving, reason } = request;
  serving.adminLost = true;
  logger.warn({}, 'the admin interface of the serving Envoy is lost; an Envoy just like it is to take over');
  const again =
    epochs?.wedged === true
      ? ({ kind: 'failed', reason: 'the hot restart id is wedged' } as const)
      : await tryChild(parts, fleet, { ...request, plan: serving.envoy.plan });
  switch (again.kind) {
    case 'done':
      return { kind: 'kept', serving: again.serving, reason: `${reason}; rolled back` };
    case 'lost':
      return again;
    case 'failed':
      logger.error({ reason: again.reason }, 'the roll-back failed, too');
      machine.dispatch({ event: 'hand-over-failed' });
      return { kind: 'stuck', serving, reason };
  }
}

type ChildResult =
  | Extract<HandOverResult, { kind: 'done' | 'lost' }>
  | { readonly kind: 'failed'; readonly reason: string };

async function tryChild(
  parts: HandOverParts,
  fleet: Fleet,
  { serving: parent, plan, observe }: HandOverRequest,
): Promise<ChildResult> {
  const { machine, logger, clock, timing } = parts;
  parent.monitor.pause();
  let child: Serving;
  try {
    child = observe(fleet.start(fleet.next(parent.envoy, plan)));
  } catch (error) {
    return { kind: 'failed', reason: `the new Envoy was not started: ${toDiskFault(error).message}` };
  }
  logger.info({ epoch: child.envoy.epoch, pid: child.envoy.pid }, 'new Envoy started');
  const outcome = await untilLive(parts, parent, child);
  if (outcome !== 'live') return abandon(parts, { parent, child, outcome });
  parent.monitor.stop();
  const complete = await untilComplete(child, clock);
  machine.dispatch({ event: 'handed-over', pid: child.envoy.pid, complete });
  logger.info(
    { epoch: child.envoy.epoch, ms: Math.round(clock.monotonic() - child.startedAt) },
    'the new Envoy serves',
  );
  const { parentShutdownMs } = timing;
  const retire = { clock, logger, parentShutdownMs, childStartedAt: child.startedAt };
  fleet.retire(retireParent(parent.envoy, child.envoy, retire));
  return { kind: 'done', serving: child };
}

type Outcome = 'live' | 'child-exited' | 'too-late' | 'parent-exited' | 'hurry';

function untilLive(
  { clock, timing, stop }: HandOverParts,
  parent: Serving,
  child: Serving,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const cancels: (() => void)[] = [];
    const done = (outcome: Outcome) => {
      for (const cancel of cancels) cancel();
      resolve(outcome);
    };
    const look = () => {
      if (child.monitor.readiness.live) return done('live');
      cancels[0] = clock.after(10, look);
    };
    const onHurry = () => done('hurry');
    cancels.push(
      clock.after(0, look),
      clock.after(timing.childLiveMs, () => done('too-late')),
      () => stop.immediate.removeEventListener('abort', onHurry),
    );
    stop.immediate.addEventListener('abort', onHurry, { once: true });
    void child.envoy.exited.then(() => done('child-exited'));
    void parent.envoy.exited.then(() => done('parent-exited'));
  });
}

async function untilComplete(child: Serving, clock: Clock): Promise<boolean> {
  const deadline = clock.monotonic() + COMPLETE_MS;
  while (!child.monitor.readiness.latched) {
    if (clock.monotonic() > deadline) return false;
    await new Promise<void>((resolve) => clock.after(10, resolve));
  }
  return true;
}

/**
 * SIGKILL, never SIGTERM: a child that ends in good order tells its parent to end, too. The mark it left in the shared
 * memory is taken back only once it is gone for good.
 */
async function abandon(
  { epochs, logger, timing }: HandOverParts,
  { parent, child, outcome }: { parent: Serving; child: Serving; outcome: Outcome },
): Promise<ChildResult> {
  child.monitor.stop();
  child.envoy.kill('SIGKILL');
  const exit = await child.envoy.exited;
  if (outcome === 'parent-exited') {
    const { reason } = await parent.envoy.exited;
    parent.monitor.stop();
    return { kind: 'lost', reason: `during a hand-over: ${reason}` };
  }
  if (epochs !== undefined && !epochs.unwedge())
    logger.error({ baseId: epochs.baseId }, 'the hot restart id is wedged and could not be freed');
  const words = child.envoy.tail().at(-1) ?? '';
  const reason =
    outcome === 'too-late'
      ? `not live within ${timing.childLiveMs / 1000} s`
      : outcome === 'hurry'
        ? 'the agent stops'
        : `${exit.reason}${words === '' ? '' : `: ${words.slice(0, 500)}`}`;
  return { kind: 'failed', reason: `the new Envoy failed: ${reason}` };
}
