/** How the newest wish for another Envoy ended. */
export interface LastHandOver {
  /** Wall time in ms. */
  readonly at: number;
  readonly cause: string;
  /** Envoy runs with what was asked for, or nobody asks for it any more. */
  readonly ok: boolean;
  /** Why it was refused, or what came of it. */
  readonly reason: string;
}

/**
 * Remembers the newest hand-over for status and metrics. A refusal stays until what was asked for runs, or is asked for
 * no longer; an Envoy that crashed and is back as it was does not count as either.
 */
export interface HandOvers {
  /** Undefined until one was tried. */
  readonly last: LastHandOver | undefined;
  /** For people: that the last one was refused and why; '' when it was not. */
  readonly mark: string;
  /** `wanted` is the plan that was refused; undefined when not even a plan could be made. */
  refused(facts: {
    readonly cause: string;
    readonly reason: string;
    readonly wanted: object | undefined;
  }): void;
  done(cause: string, what: string): void;
  /** A look found nothing newer than this plan, which an Envoy serves. */
  unchanged(plan: object): void;
  /** An Envoy of this plan serves. */
  served(plan: object): void;
}

export function createHandOvers(now: () => number): HandOvers {
  let last: LastHandOver | undefined;
  let wanted: object | undefined;
  const settle = (reason: string) => {
    if (last?.ok === false) last = { ...last, at: now(), ok: true, reason };
    wanted = undefined;
  };
  return {
    get last() {
      return last;
    },
    get mark() {
      return last?.ok === false ? `no hand-over (${last.cause}): ${last.reason}` : '';
    },
    refused({ cause, reason, wanted: plan }) {
      last = { at: now(), cause, ok: false, reason };
      wanted = plan;
    },
    done(cause, reason) {
      last = { at: now(), cause, ok: true, reason };
      wanted = undefined;
    },
    unchanged(plan) {
      // A restart of this very plan that failed is still owed.
      if (wanted !== plan) settle('what was refused is asked for no longer');
    },
    served(plan) {
      if (wanted === plan) settle('taken up at a new start of Envoy');
    },
  };
}
