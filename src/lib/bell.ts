/** Wakes one who waits for any of several things to happen, and then looks which it was. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, or at once when it rang since the last time. */
  wait(): Promise<void>;
}

/** Unlike a race of promises, it leaves nothing behind at those that have not settled: it may be waited for without end. */
export function createBell(): Bell {
  let rang = false;
  let wake = () => {};
  return {
    ring() {
      rang = true;
      wake();
    },
    async wait() {
      if (!rang)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      rang = false;
    },
  };
}
