import type { Clock } from '../../lib/clock.ts';

/** Why the control plane gave no bootstrap, as far as it matters here. */
export interface StartFailure {
  readonly code: string;
  readonly message: string;
}

/**
 * Asks the control plane for a bootstrap. `goOn` hears of each failure and says whether to try for ever, whatever it is;
 * the promise rejects when it does not and the failure is final.
 */
export type AskForBootstrap<T> = (goOn: (failure: StartFailure) => boolean) => Promise<T>;

export type StartOutcome<T> =
  | { readonly kind: 'fresh'; readonly bootstrap: T }
  /** The control plane cannot be reached; `fresh` resolves when it can again, and never rejects but for an abort. */
  | { readonly kind: 'offline'; readonly fresh: Promise<T>; readonly cause: string };

/** These say what the control plane wants. Everything else is as if it were not there, a wrong certificate included. */
const DECISIONS: ReadonlySet<string> = new Set(['bootstrap-rejected', 'dataplane-not-found']);

/**
 * Waits for the control plane for the grace time; then, unless it has answered and refused, the start goes on without
 * it, while it is asked again and again.
 */
export async function startOrGoOffline<T>(options: {
  readonly ask: AskForBootstrap<T>;
  readonly graceMs: number;
  readonly clock: Clock;
}): Promise<StartOutcome<T>> {
  const { ask, graceMs, clock } = options;
  const offline = Promise.withResolvers<string>();
  let last: StartFailure | undefined;
  let graceOver = false;
  let isOffline = false;
  const decide = () => {
    if (!graceOver || (last !== undefined && DECISIONS.has(last.code))) return;
    isOffline = true;
    offline.resolve(last?.message ?? 'it does not answer');
  };
  const cancel = clock.after(graceMs, () => {
    graceOver = true;
    decide();
  });
  const fresh = ask((failure) => {
    last = failure;
    decide();
    return isOffline || !DECISIONS.has(failure.code);
  });
  // It may reject long after the start; whoever awaits it then is told.
  fresh.catch(() => {});
  try {
    return await Promise.race([
      fresh.then((bootstrap) => ({ kind: 'fresh', bootstrap }) as const),
      offline.promise.then((cause) => ({ kind: 'offline', fresh, cause }) as const),
    ]);
  } finally {
    cancel();
  }
}
