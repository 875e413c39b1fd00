// The time in which Envoys serve, from the first to the end of the last one that took over, and all that may come between.
import { aborted } from '../lib/aborted.ts';
import { createBell } from '../lib/bell.ts';
import { untilQuiet } from './envoy/sockets.ts';
import type { Fleet } from './fleet.ts';
import type { RestartQueue, RestartRequest } from './hot-restart/requests.ts';
import {
  type AskedFor,
  type Prepared,
  prepareRestart,
  type RestartParts,
  renew,
  restart,
} from './restart.ts';
import type { Retirement } from './retire-parent.ts';
import type { RunningEnvoy, Serving } from './running-envoy.ts';
import { report } from './serving.ts';

export interface ServiceOptions extends RestartParts {
  /** Aborted when the proxy is to be drained and kept. */
  readonly drained: AbortSignal;
  /** Aborted when the agent is to end without its Envoys. */
  readonly detached: AbortSignal;
  readonly restarts: RestartQueue;
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

/** Why a run of Envoys ended. */
export type Ending =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'detached' }
  | AskedFor
  | { readonly kind: 'crashed'; readonly serving: Serving; readonly reason: string };

/** From a cold page cache Envoy was measured to take over 4 s until its admin interface answers. */
const ANSWER_TIMEOUT_MS = 30_000;
const WATCH_EVERY_MS = 500;
const END_GRACE_MS = 5_000;
const HURRIED_GRACE_MS = 200;

/** Returns when nothing serves any more, or nothing of it is the supervisor's any more. */
export async function serve(options: ServiceOptions, fleet: Fleet, first: Serving): Promise<Ending> {
  const { control, machine, stop } = options;
  const events = listen(options, fleet);
  let serving = first;
  let quiet: Promise<void> | undefined;
  let draining: Promise<void> | undefined;
  const letGo = () => {
    quiet ??= letGoOf(options, serving);
    return quiet;
  };
  const drain = () => {
    draining ??= control.leave().then(letGo);
    return draining;
  };
  try {
    for (;;) {
      const silence = watchSilence(options, serving);
      const event = await events.next(serving, draining !== undefined);
      const silent = silence();
      let result: Ending | Serving = serving;
      switch (event.kind) {
        case 'exited': {
          serving.monitor.stop();
          const { reason } = await serving.envoy.exited;
          if (draining === undefined) return { kind: 'crashed', serving, reason: silent ?? reason };
          // Drained and gone: nothing is served that a new one should take up.
          await aborted(stop.graceful);
          return { kind: 'stopped' };
        }
        case 'detach':
          serving.monitor.stop();
          return { kind: 'detached' };
        case 'stop':
          await endServing(options, fleet, { serving, drained: drain() });
          return { kind: 'stopped' };
        case 'drain':
          void drain().then(() => machine.dispatch({ event: 'drained' }));
          continue;
        case 'orphaned':
          result = await renew(options, { serving, letGo });
          break;
        case 'agreed':
          result = await restart(options, fleet, { ...event, serving, letGo });
      }
      if ('kind' in result) return result;
      serving = result;
      events.restarted();
    }
  } finally {
    events.stop();
  }
}

type ServiceEvent =
  | { readonly kind: 'exited' | 'stop' | 'drain' | 'detach' | 'orphaned' }
  /** Another Envoy is asked for, and nothing speaks against it. */
  | (Extract<Prepared, { kind: 'agreed' }> & { readonly request: RestartRequest });

interface ServiceEvents {
  /** What happens next to whoever serves, the weightiest first; while it drains only its end and a stop count. */
  next(serving: Serving, draining: boolean): Promise<ServiceEvent>;
  /** A restart was granted or came to nothing. */
  restarted(): void;
  stop(): void;
}

interface Work {
  readonly request: RestartRequest;
  readonly given: AbortController;
  prepared: Prepared | undefined;
}

/** Prepares restarts on the way: an Envoy that dies meanwhile, or a stop, is not to wait for that. */
function listen(options: ServiceOptions, fleet: Fleet): ServiceEvents {
  const { stop, drained, detached, restarts } = options;
  const bell = createBell();
  const signals = [stop.graceful, drained, detached];
  for (const signal of signals) signal.addEventListener('abort', bell.ring, { once: true });
  const gone = new WeakSet<RunningEnvoy>();
  const followed = new WeakSet<RunningEnvoy>();
  let retirement: Retirement | undefined;
  let work: Work | undefined;
  const follow = ({ envoy }: Serving) => {
    if (followed.has(envoy)) return;
    followed.add(envoy);
    void envoy.exited.then(() => {
      gone.add(envoy);
      bell.ring();
    });
  };
  const followRetirement = () => {
    retirement = undefined;
    void fleet.settled().then((how) => {
      retirement = how;
      bell.ring();
    });
  };
  const begin = (serving: Serving) => {
    const request = restarts.take();
    if (request === undefined) return;
    const now: Work = { request, given: new AbortController(), prepared: undefined };
    work = now;
    void prepareRestart(options, fleet, { serving, request, signal: now.given.signal }).then((prepared) => {
      now.prepared = prepared;
      bell.ring();
    });
  };
  /** Nobody else has answered: whoever asked waits for the next Envoy, or hears that there is none. */
  const giveUp = () => {
    if (work === undefined || work.prepared?.kind === 'settled') return;
    work.given.abort();
    restarts.putBack(work.request);
    work = undefined;
  };
  const look = (serving: Serving, draining: boolean): ServiceEvent | undefined => {
    if (gone.has(serving.envoy)) return { kind: 'exited' };
    if (stop.graceful.aborted) return { kind: 'stop' };
    if (draining) return undefined;
    if (drained.aborted) return { kind: 'drain' };
    if (detached.aborted) return { kind: 'detach' };
    if (retirement === 'early') return { kind: 'orphaned' };
    if (work?.prepared?.kind === 'settled') work = undefined;
    if (work?.prepared?.kind === 'agreed') {
      const { request, prepared } = work;
      work = undefined;
      return { ...prepared, request };
    }
    // One hand-over at a time: a third epoch would cut the connections of the first at once.
    if (work === undefined && retirement !== undefined && restarts.waiting !== 'none') begin(serving);
    return undefined;
  };
  followRetirement();
  const unlisten = restarts.onArrival(bell.ring);
  return {
    async next(serving, draining) {
      follow(serving);
      for (;;) {
        const event = look(serving, draining);
        if (event !== undefined) {
          if (event.kind !== 'agreed') giveUp();
          if (event.kind === 'stop') restarts.close('the agent stops');
          if (event.kind === 'drain') restarts.take()?.finish({ ok: false, text: 'the proxy is drained' });
          return event;
        }
        await bell.wait();
      }
    },
    restarted: followRetirement,
    stop() {
      giveUp();
      unlisten();
      for (const signal of signals) signal.removeEventListener('abort', bell.ring);
    },
  };
}

/** Drains, unless Envoy dies meanwhile, then ends it and what is left of its parent; a second signal cuts both short. */
async function endServing(
  { stop, clock, logger, afterDrain = async () => {} }: ServiceOptions,
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

/** Statistics count the connections of an old Envoy, too, until it has ended. */
async function letGoOf(
  { control, stop, timing, clock }: ServiceOptions,
  { envoy, adminLost }: Serving,
): Promise<void> {
  if (stop.immediate.aborted) return;
  if (!adminLost) return control.drain(envoy, stop.immediate);
  await untilQuiet(envoy.pid, { clock, timeoutMs: timing.drainTimeMs, signal: stop.immediate });
}

/** Kills an Envoy that lives and does not answer; the returned function ends the watch and tells what it found. */
function watchSilence(options: ServiceOptions, serving: Serving): () => string | undefined {
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
