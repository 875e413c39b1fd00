// How an Envoy comes to serve: started, or adopted from an agent before this one, and followed into the states of the agent.
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { readParentShutdown } from './adoption/started-with.ts';
import type { Fleet } from './fleet.ts';
import type { HandOvers } from './hot-restart/hand-overs.ts';
import type { EnvoyPlan } from './plan.ts';
import { describeRefused } from './readiness/latches.ts';
import { retireParent } from './retire-parent.ts';
import type { EnvoyControl, RunningEnvoy, Serving } from './running-envoy.ts';
import type { Machine } from './state/machine.ts';

export interface ServingParts {
  readonly control: EnvoyControl;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly degradation: () => string;
  readonly handOvers: HandOvers;
  readonly timing: { readonly parentShutdownMs: number };
}

/** Envoys of an agent before this one. */
export interface AdoptedEnvoys {
  readonly serving: RunningEnvoy;
  /** Its parent, whose connections end. */
  readonly leaving: RunningEnvoy | undefined;
  readonly adminLost: boolean;
}

/** An Envoy that has nothing to take over. */
export function startAlone(parts: ServingParts, fleet: Fleet, plan: EnvoyPlan): Serving {
  const serving = observe(parts, fleet.startAlone(plan));
  parts.machine.dispatch({ event: 'spawned', pid: serving.envoy.pid });
  return serving;
}

/** It was looked at before: it serves. */
export function adopt(
  parts: ServingParts,
  fleet: Fleet,
  { serving: envoy, leaving, adminLost }: AdoptedEnvoys,
): Serving {
  const { machine, clock, logger, timing } = parts;
  const serving = observe(parts, fleet.adopt(envoy));
  serving.adminLost = adminLost;
  serving.readyAt = clock.monotonic();
  machine.dispatch({ event: 'spawned', pid: envoy.pid });
  machine.dispatch({ event: 'serving' });
  if (leaving !== undefined) {
    const parentShutdownMs = readParentShutdown(envoy) ?? timing.parentShutdownMs;
    const facts = { clock, logger, parentShutdownMs, begunBefore: true };
    fleet.retire(retireParent(fleet.adopt(leaving), envoy, facts));
  }
  return serving;
}

/** Follows an Envoy into the states of the agent. */
export function observe(options: ServingParts, envoy: RunningEnvoy): Serving {
  const { control, clock, handOvers } = options;
  const serving: Serving = {
    envoy,
    startedAt: clock.monotonic(),
    readyAt: undefined,
    adminLost: false,
    monitor: envoy.watch(({ latched }) => {
      if (!latched) return;
      if (serving.readyAt === undefined) {
        serving.readyAt = clock.monotonic();
        void control.settle(envoy);
        handOvers.served(envoy.plan);
      }
      report(options, serving);
    }),
  };
  return serving;
}

/** Ready, or degraded with everything that is wrong. */
export function report({ machine, degradation }: ServingParts, { envoy, monitor }: Serving): void {
  const { refused } = monitor.readiness;
  const refusal = [describeRefused(refused), envoy.lastRefusal()].filter((part) => part !== '').join(': ');
  const reason = [degradation(), refused.length === 0 ? '' : refusal]
    .filter((part) => part !== '')
    .join('; ');
  if (reason === '' || machine.current.state === 'starting') machine.dispatch({ event: 'serving' });
  if (reason !== '') machine.dispatch({ event: 'refused', reason });
}
