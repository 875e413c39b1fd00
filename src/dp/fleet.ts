import type { Epochs } from './hot-restart/epochs.ts';
import type { EnvoyPlan } from './plan.ts';
import type { Retirement } from './retire-parent.ts';
import type { EnvoyControl, EnvoyStart, RunningEnvoy } from './running-envoy.ts';

/** All Envoys of one agent that live: the one that serves, one that starts, parents whose connections end. */
export interface Fleet {
  /** Starts an Envoy that has nothing to take over. Parents may still be there. */
  startAlone(plan: EnvoyPlan): RunningEnvoy;
  /** Takes up an Envoy of an agent before this one. */
  adopt(serving: RunningEnvoy): RunningEnvoy;
  /** What the next start beside `parent` would be. */
  next(parent: RunningEnvoy, plan: EnvoyPlan): EnvoyStart;
  start(start: EnvoyStart): RunningEnvoy;
  /** Lets a parent go, in the background; `settled` waits for it. */
  retire(leaving: Promise<Retirement>): void;
  /** Resolves while nobody is leaving, and tells how the last one went. */
  settled(): Promise<Retirement>;
  /** Ends all that live. */
  end(graceMs: number): Promise<void>;
}

export function createFleet(control: Pick<EnvoyControl, 'start'>, epochs: Epochs | undefined): Fleet {
  const live = new Set<RunningEnvoy>();
  let last = -1;
  let leaving: Promise<Retirement> = Promise.resolve('in-time');
  const add = (envoy: RunningEnvoy): RunningEnvoy => {
    live.add(envoy);
    void envoy.exited.then(() => live.delete(envoy));
    return envoy;
  };
  const start = (facts: EnvoyStart): RunningEnvoy => {
    last = facts.epoch;
    return add(control.start(facts));
  };
  return {
    start,
    adopt(envoy) {
      last = Math.max(last, envoy.epoch);
      return add(envoy);
    },
    startAlone(plan) {
      // Whatever became of the last parent, this one has none.
      leaving = leaving.then(() => 'in-time');
      // Epoch 0 makes the shared memory anew, so it may only come where nobody uses it.
      if (epochs?.wedged === true) epochs.renew();
      else if (live.size > 0) return start({ plan, epoch: epochBeside(live, last), mayLackParent: true });
      return start({ plan, epoch: 0, mayLackParent: false });
    },
    next: (parent, plan) => ({ plan, epoch: parent.epoch + 1, mayLackParent: false }),
    retire(gone) {
      leaving = gone;
    },
    settled: () => leaving,
    async end(graceMs) {
      await Promise.all([...live].map((envoy) => envoy.end(graceMs)));
    },
  };
}

/** Envoy names the sockets between epochs by the epoch modulo this. */
const SOCKET_NAMES = 3;

/**
 * The next epoch that shares its socket with none that lives, and takes none of them for its parent: that would end
 * a parent whose connections are still to end by themselves.
 */
function epochBeside(live: ReadonlySet<RunningEnvoy>, last: number): number {
  const candidates = Array.from({ length: SOCKET_NAMES }, (_, i) => last + 1 + i);
  const isFree = (epoch: number) =>
    [...live].every((envoy) => (epoch - envoy.epoch) % SOCKET_NAMES === SOCKET_NAMES - 1);
  return candidates.find(isFree) ?? last + 1;
}
