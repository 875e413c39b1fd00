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
}

/** One or more wishes that came while none could be granted: one hand-over grants them all. */
export interface RestartRequest extends RestartWish {
  finish(outcome: RestartOutcome): void;
}

/** Wishes for restarts on their way to the supervisor. */
export interface RestartQueue {
  /** Resolves when the wish was granted or refused. */
  ask(wish: RestartWish): Promise<RestartOutcome>;
  /** The next request; a promise that is not awaited to its end takes nothing away. */
  arrived(): Promise<void>;
  take(): RestartRequest | undefined;
  /** Refuses what waits and all that is still to come. */
  close(text: string): void;
}

interface Waiting extends RestartWish {
  readonly finish: (outcome: RestartOutcome) => void;
}

export function createRestartQueue(): RestartQueue {
  let waiting: Waiting[] = [];
  let closed: string | undefined;
  let wake = () => {};
  let arrival = new Promise<void>((resolve) => {
    wake = resolve;
  });
  return {
    ask: (wish) =>
      new Promise((resolve) => {
        if (closed !== undefined) return resolve({ ok: false, text: closed });
        waiting.push({ ...wish, finish: resolve });
        wake();
      }),
    arrived: () => arrival,
    take() {
      if (waiting.length === 0) return undefined;
      const taken = waiting;
      waiting = [];
      arrival = new Promise((resolve) => {
        wake = resolve;
      });
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
