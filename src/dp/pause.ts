import { createBell } from '../lib/bell.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/coded-error.ts';
import type { StopRequest } from '../lib/stop-signals.ts';
import type { HandOvers } from './hot-restart/hand-overs.ts';
import type { RestartQueue, RestartRequest } from './hot-restart/requests.ts';
import type { EnvoyPlan } from './plan.ts';
import type { EnvoyControl } from './running-envoy.ts';

export interface PauseParts {
  readonly restarts: RestartQueue;
  readonly handOvers: HandOvers;
  readonly revise: (before: EnvoyPlan, request: RestartRequest) => Promise<EnvoyPlan>;
  readonly control: Pick<EnvoyControl, 'check'>;
  readonly stop: StopRequest;
  readonly clock: Clock;
}

interface Pause {
  /** What would be started after it. */
  readonly plan: EnvoyPlan;
  readonly delayMs: number;
  /** Also look for what changed without anybody's wish: this plan cannot even be started. */
  readonly anyWish: boolean;
}

/**
 * The pause before the next start; resolves to the plan for that. A wish for a restart ends it at once: whoever put a
 * good binary in the place of a bad one is not to wait, and an Envoy that cannot be started grants no wishes itself.
 */
export async function pauseBefore(parts: PauseParts, pause: Pause): Promise<EnvoyPlan> {
  const { restarts, stop, clock } = parts;
  const bell = createBell();
  let over = pause.delayMs <= 0;
  const cancel = clock.after(pause.delayMs, () => {
    over = true;
    bell.ring();
  });
  const unlisten = restarts.onArrival(bell.ring);
  stop.graceful.addEventListener('abort', bell.ring, { once: true });
  let looking: Look | undefined;
  const isWanted = () => restarts.waiting === 'always' || (pause.anyWish && restarts.waiting !== 'none');
  try {
    while (!over && !stop.graceful.aborted) {
      if (looking?.found !== undefined) return looking.found;
      if (looking?.done === true) looking = undefined;
      if (looking === undefined && isWanted()) looking = look(parts, pause.plan, bell.ring);
      await bell.wait();
    }
    return looking?.found ?? pause.plan;
  } finally {
    cancel();
    unlisten();
    stop.graceful.removeEventListener('abort', bell.ring);
    looking?.giveUp();
  }
}

/** A look for something newer on behalf of a request. */
interface Look {
  readonly done: boolean;
  /** To be started now. */
  readonly found: EnvoyPlan | undefined;
  /** Whoever asked is answered by others. */
  giveUp(): void;
}

function look(parts: PauseParts, before: EnvoyPlan, onDone: () => void): Look | undefined {
  const { restarts, revise, control, stop } = parts;
  const request = restarts.take();
  if (request === undefined) return undefined;
  let state: 'looking' | 'done' | 'given-up' = 'looking';
  let found: EnvoyPlan | undefined;
  const over = new AbortController();
  const settle = (answer: () => EnvoyPlan | undefined) => {
    if (state !== 'looking') return;
    state = 'done';
    found = answer();
    onDone();
  };
  const lookNow = async () => {
    const plan = await revise(before, request);
    // An Envoy may be starting by now, with the very file that a check would write.
    if (state !== 'looking') return;
    // Nor may one go on that reads it: it would find the words of another plan, and say that these are good.
    const signal = AbortSignal.any([stop.graceful, over.signal]);
    const problem = plan === before ? undefined : await control.check(plan, signal);
    settle(() =>
      problem === undefined
        ? decide(parts, { request, before, plan })
        : refuse(parts, request, { reason: problem.message, wanted: plan }),
    );
  };
  lookNow().catch((error: unknown) =>
    settle(() =>
      refuse(parts, request, { reason: `not restarted: ${describeError(error)}`, wanted: undefined }),
    ),
  );
  return {
    get done() {
      return state === 'done';
    },
    get found() {
      return found;
    },
    giveUp() {
      if (state !== 'looking') return;
      state = 'given-up';
      over.abort();
      restarts.putBack(request);
    },
  };
}

function decide(
  { handOvers }: PauseParts,
  { request, before, plan }: { request: RestartRequest; before: EnvoyPlan; plan: EnvoyPlan },
): EnvoyPlan | undefined {
  if (plan === before && !request.always) {
    handOvers.unchanged(plan);
    request.finish({ ok: true, text: 'nothing changed' });
    return undefined;
  }
  request.finish({ ok: true, text: 'Envoy is started anew' });
  return plan;
}

function refuse(
  { handOvers }: PauseParts,
  { cause, finish }: RestartRequest,
  refusal: { readonly reason: string; readonly wanted: EnvoyPlan | undefined },
): undefined {
  handOvers.refused({ cause, ...refusal });
  finish({ ok: false, text: refusal.reason });
}
