import type { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { StopRequest } from '../../lib/stop-signals.ts';
import type { WishListeners, WishSignals } from '../control/signals.ts';
import type { LiveDataplane } from '../dataplane/follow.ts';
import type { InTurn } from '../hot-restart/requests.ts';
import type { AgentState } from '../state/agent-state.ts';
import type { LiveTokenFile } from '../token/follow.ts';
import type { Gate } from './gate.ts';
import type { Entry } from './roster.ts';

/** What one agent of the crew is run with, from a start to its end. */
export interface Attempt {
  readonly entry: Entry;
  readonly dataplane: LiveDataplane;
  readonly tokenFile: LiveTokenFile;
  readonly stop: StopRequest;
  readonly wishes: WishSignals;
  readonly onState: (state: AgentState) => void;
  /** Others hand over only when this one has, or does not serve. */
  readonly inTurn: InTurn;
}

/** How a member is, between and during attempts. */
export type MemberState =
  | AgentState
  /** It cannot start, or gave up; tried again at `retryAt`, wall time in ms. */
  | { readonly state: 'failed'; readonly reason: string; readonly retryAt: number }
  /** Ended on somebody's word, and is to stay so until somebody says otherwise. */
  | { readonly state: 'held'; readonly reason: string };

export interface MemberOptions {
  readonly entry: Entry;
  readonly run: (attempt: Attempt) => Promise<void>;
  /** Awaited before the first attempt: who had the same file or name before. */
  readonly after: Promise<unknown>;
  /** Starts wait here for each other; left when the proxy is ready or cannot be. */
  readonly gate: Gate;
  /** Hand-overs that nobody asked for wait here for each other. */
  readonly turns: Gate;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly backoff: Backoff;
  readonly onChange: () => void;
}

/** One proxy of a crew: its agent, started again when it fails, until it is told to leave. */
export interface Member {
  readonly entry: Entry;
  readonly current: MemberState;
  /** Wall time of the last change of state, in ms. */
  readonly since: number;
  /** An attempt has failed, or the proxy was ready once. */
  readonly tried: boolean;
  readonly running: boolean;
  /** Its file says something new. */
  take(entry: Entry): void;
  /** In good order and for good; the second time at once. Resolves when nothing of it is left. */
  leave(cause: string): Promise<void>;
  hurry(cause: string): void;
  /**
   * Resolves when it is done, or when it cannot be: one that does not serve, now or any more, is granted the wish once it
   * does, and nobody waits for that. One that does not run is started.
   */
  restart(cause: string): Promise<unknown>;
  drain(cause: string): void;
  /** Ends its agent for good and leaves its Envoy serving; false when that cannot be. */
  detach(): boolean;
  /** No more attempts until `restart` or another text of its file; one that is under way ends in good order. */
  hold(reason: string): void;
}

/** An agent that was ready for so long did not fail to start. */
const STEADY_MS = 60_000;

export function startMember(options: MemberOptions): Member {
  const { clock, logger, backoff } = options;
  let { entry } = options;
  let current: MemberState = { state: 'locating' };
  let since = clock.now();
  let tried = false;
  let leaving: string | undefined;
  let detached = false;
  /** Why there are to be no more attempts. */
  let held: string | undefined;
  let wake = (): void => {};
  let cancelRetry = (): void => {};
  let graceful = new AbortController();
  let immediate = new AbortController();
  let wishes: WishListeners | undefined;
  let running = false;
  let started = (): void => {};
  const listeners = new Set<() => void>();
  /** Who waits for something that this proxy can only do in some states. */
  const impatient = new Set<{
    readonly while: (state: MemberState) => boolean;
    readonly leave: () => void;
  }>();
  /** Not begun yet: a wish that comes meanwhile joins in. */
  let nextTurn: Turn | undefined;
  const listen = (onChange: () => void) => {
    listeners.add(onChange);
    return () => listeners.delete(onChange);
  };
  const dataplane: LiveDataplane = {
    get wanted() {
      return entry.json;
    },
    listen,
  };
  const tokenFile: LiveTokenFile = {
    get wanted() {
      return entry.tokenFile;
    },
    listen,
  };

  function setState(next: MemberState): void {
    current = next;
    since = clock.now();
    const over = ['ready', 'degraded', 'failed', 'held'].includes(next.state);
    for (const one of [...impatient]) if (!one.while(next)) one.leave();
    tried ||= over;
    if (over) started();
    options.onChange();
  }

  async function attempt(): Promise<void> {
    started = await options.gate.enter();
    if (leaving !== undefined || held !== undefined) return started();
    graceful = new AbortController();
    immediate = new AbortController();
    wishes = undefined;
    running = true;
    try {
      await options.run({
        entry,
        dataplane,
        tokenFile,
        stop: { graceful: graceful.signal, immediate: immediate.signal, dispose() {} },
        wishes: {
          listen(given) {
            wishes = given;
            // It was asked before it could be told: without an Envoy that serves it ends as any other.
            if (detached && given.onDetach?.().ok !== true) graceful.abort(leaving);
          },
          dispose() {
            wishes = undefined;
          },
        },
        onState: setState,
        inTurn: takeTurn,
      });
    } finally {
      running = false;
      started();
    }
  }

  async function live(): Promise<void> {
    await options.after;
    while (leaving === undefined) {
      const startedAt = clock.monotonic();
      try {
        await attempt();
        if (detached) leaving ??= 'detached';
        // Where it is not our word it is somebody's on its own socket.
        await pause({ state: 'held', reason: held ?? 'stopped by kuma-dp stop' }, undefined);
      } catch (error) {
        if (held !== undefined) {
          await pause({ state: 'held', reason: held }, undefined);
          continue;
        }
        if (clock.monotonic() - startedAt > STEADY_MS) backoff.reset();
        const ms = Math.round(backoff.next());
        const reason = describeError(error);
        logger.error({ reason, file: entry.path, retryInMs: ms }, 'this proxy cannot run; the others go on');
        await pause({ state: 'failed', reason, retryAt: clock.now() + ms }, ms);
      }
    }
    setState({ state: 'stopped', reason: leaving });
  }

  function pause(state: MemberState, ms: number | undefined): Promise<void> {
    if (leaving !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      cancelRetry = ms === undefined ? () => {} : clock.after(ms, () => wake());
      wake = () => {
        cancelRetry();
        wake = () => {};
        resolve();
      };
      setState(state);
    });
  }

  async function takeTurn<T>(wish: () => Promise<T>): Promise<T> {
    // It cannot have two Envoys at a time, and may need what is new to have one at all.
    if (!mayServe(current)) return wish();
    nextTurn ??= { begun: options.turns.enter(), wishes: 0 };
    const turn = nextTurn;
    turn.wishes++;
    const leave = await turn.begun;
    if (nextTurn === turn) nextTurn = undefined;
    const granted = wish();
    void untilGranted(granted, mayServe).finally(() => {
      if (--turn.wishes === 0) leave();
    });
    return granted;
  }

  /** Or until it is in a state in which nobody waits for that. */
  async function untilGranted(granted: unknown, isWaitedFor: (state: MemberState) => boolean) {
    if (!isWaitedFor(current)) return;
    const { promise: given, resolve: leave } = Promise.withResolvers<void>();
    const one = { while: isWaitedFor, leave };
    impatient.add(one);
    await Promise.race([granted, given]).finally(() => impatient.delete(one));
  }

  const ended = live();
  return {
    get entry() {
      return entry;
    },
    get current() {
      return current;
    },
    get since() {
      return since;
    },
    get tried() {
      return tried;
    },
    get running() {
      return running;
    },
    take(next) {
      const same = next.json === entry.json && next.tokenFile === entry.tokenFile;
      entry = next;
      if (same) return;
      held = undefined;
      for (const tell of listeners) tell();
      backoff.reset();
      wake();
    },
    leave(cause) {
      if (leaving === undefined) {
        leaving = cause;
        if (!detached) graceful.abort(cause);
        wake();
      }
      return ended;
    },
    hurry: (cause) => immediate.abort(cause),
    async restart(cause) {
      if (running) {
        return untilGranted(wishes?.onRestart(cause), serves);
      }
      held = undefined;
      backoff.reset();
      wake();
    },
    drain: (cause) => wishes?.onDrain(cause),
    detach() {
      if (running && (wishes === undefined || wishes.onDetach?.().ok === true)) detached = true;
      return detached;
    },
    hold(reason) {
      if (leaving !== undefined) return;
      held = reason;
      if (running) return graceful.abort(reason);
      cancelRetry();
      setState({ state: 'held', reason });
    },
  };
}

/** One for all wishes of a proxy that came before it began. */
interface Turn {
  readonly begun: Promise<() => void>;
  /** Those that are not granted yet. */
  wishes: number;
}

const DOWN: readonly MemberState['state'][] = ['restarting', 'failed', 'held', 'draining', 'stopped'];

/** Its Envoy serves, or is about to. */
function mayServe({ state }: MemberState): boolean {
  return !DOWN.includes(state);
}

function serves({ state }: MemberState): boolean {
  return state === 'ready' || state === 'degraded' || state === 'handing-over';
}
