import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

/** The Dataplane an agent is to bring, which may become another one while its proxy runs. */
export interface LiveDataplane {
  /** JSON text, as newly as it is known. */
  readonly wanted: string;
  /** Calls back after each change until the returned function is called. */
  listen(onChange: () => void): () => void;
}

/** What the control plane says to a Dataplane before anything depends on it. */
export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nobody could be asked. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface FollowOptions {
  /** undefined: the Dataplane never changes. */
  readonly dataplane: LiveDataplane | undefined;
  /** What the agent brought so far. */
  readonly brought: string | undefined;
  readonly ask: (resource: string) => Promise<Verdict>;
  /** From now on this one is brought. */
  readonly bring: (resource: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Follower {
  /** Lines for the status. */
  marks(): readonly string[];
  stop(): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Takes up a changed Dataplane while Envoy serves on. The control plane is asked first: one that it refuses would cost
 * the proxy its stream, so the one before stays until the next change. While nobody can be asked it stays, too.
 */
export function followDataplane(options: FollowOptions): Follower {
  const { dataplane, ask, bring, clock, logger } = options;
  if (dataplane === undefined) return { marks: () => [], stop() {} };
  let { brought } = options;
  let mark = '';
  let asking = false;
  let stopped = false;
  let pauseMs = FIRST_PAUSE_MS;
  let cancelPause = (): void => {};

  async function look(): Promise<void> {
    const wanted = dataplane?.wanted;
    cancelPause();
    if (asking || stopped || wanted === undefined) return;
    if (wanted === brought) {
      mark = '';
      return;
    }
    asking = true;
    const verdict = await ask(wanted);
    asking = false;
    if (stopped) return;
    if (dataplane?.wanted !== wanted) return look();
    judge(wanted, verdict);
  }

  function judge(wanted: string, verdict: Verdict): void {
    if (verdict.kind === 'unknown') {
      if (mark === '') logger.warn({ cause: verdict.reason }, `the ${UNTOLD}`);
      mark = UNTOLD;
      cancelPause = clock.after(pauseMs, () => void look());
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      return;
    }
    pauseMs = FIRST_PAUSE_MS;
    if (verdict.kind === 'refused') {
      mark = `the changed Dataplane is refused, the one before stays: ${verdict.reason}`;
      logger.error(
        { reason: verdict.reason },
        'the changed Dataplane is refused; the one before stays in use',
      );
      return;
    }
    mark = '';
    brought = wanted;
    logger.info({}, 'the Dataplane changed; the control plane is told');
    bring(wanted);
  }

  const forget = dataplane.listen(() => {
    pauseMs = FIRST_PAUSE_MS;
    void look();
  });
  void look();
  return {
    marks: () => (mark === '' ? [] : [mark]),
    stop() {
      stopped = true;
      forget();
      cancelPause();
    },
  };
}

const UNTOLD = 'changed Dataplane waits for the control plane; the one before stays in use';
