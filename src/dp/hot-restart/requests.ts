/** How a wish for a restart ended. */
export interface RestartOutcome {
  readonly ok: boolean;
  /** One line for people. */
  readonly text: string;
}

export interface RestartWish {
  /** Why, for people: `SIGHUP`, `kuma-dp restart`, … */
  readonly cause: string;
  /** Also when neither the binary nor the bootstrap changed. */
  readonly always: boolean;
  /** Such a wish is somebody's who waits, unless this is set. */
  readonly nobodyWaits?: true;
}

/** One or more wishes that came while none could be granted: one hand-over grants them all. */
export interface RestartRequest extends RestartWish {
  finish(outcome: RestartOutcome): void;
}

/** Wishes for restarts on their way to the supervisor. */
export interface RestartQueue {
  /** Resolves when the wish was granted or refused. */
  ask(wish: RestartWish): Promise<RestartOutcome>;
  /** Calls back at each wish that comes; the returned function ends that. */
  onArrival(listener: () => void): () => void;
  take(): RestartRequest | undefined;
  /** Whether `take` has something; `always` where one of the wishes is such. */
  readonly waiting: 'none' | 'changes' | 'always';
  /** For a request that cannot be granted now: its wishes wait again. */
  putBack(request: RestartRequest): void;
  /** Refuses what waits and all that is still to come. */
  close(text: string): void;
}

interface Waiting extends RestartWish {
  readonly finish: (outcome: RestartOutcome) => void;
}

/** Calls now or later, when nothing else of the kind goes on. */
export type InTurn = <T>(wish: () => Promise<T>) => Promise<T>;

/**
 * What somebody asked for is asked for at once. Wishes that nobody waits for take turns: a new binary or bootstrap is
 * found by many agents in one moment, as a new token is.
 */
export function createRestartQueue(inTurn: InTurn = (wish) => wish()): RestartQueue {
  let waiting: Waiting[] = [];
  let closed: string | undefined;
  const listeners = new Set<() => void>();
  const add = (wish: Waiting) => {
    if (closed !== undefined) return wish.finish({ ok: false, text: closed });
    waiting.push(wish);
    for (const listener of listeners) listener();
  };
  return {
    ask(wish) {
      const asked = () => new Promise<RestartOutcome>((resolve) => add({ ...wish, finish: resolve }));
      return wish.always && wish.nobodyWaits !== true ? asked() : inTurn(asked);
    },
    onArrival(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get waiting() {
      if (waiting.length === 0) return 'none';
      return waiting.some(({ always }) => always) ? 'always' : 'changes';
    },
    putBack: add,
    take() {
      if (waiting.length === 0) return undefined;
      const taken = waiting;
      waiting = [];
      // One that was put back is the same again.
      if (taken.length === 1) return taken[0];
      return {
        cause: [...new Set(taken.map(({ cause }) => cause))].join(', '),
        always: taken.some(({ always }) => always),
        finish: (outcome) => {
          for (const { finish } of taken) finish(outcome);
        },
      };
    },
    close(text) {
      closed = text;
      for (const { finish } of waiting) finish({ ok: false, text });
      waiting = [];
    },
  };
}
