/** Lets nobody through before all have come. */
export interface Barrier {
  /** Resolves when everybody has come, or is known not to, and what lies behind it is done. */
  arrive(id: string): Promise<void>;
}

/** `then` is called once, when all of these have arrived. */
export function createBarrier(ids: Iterable<string>, then: () => Promise<void>): Barrier {
  const missing = new Set(ids);
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  }).then(then);
  if (missing.size === 0) open();
  return {
    arrive(id) {
      missing.delete(id);
      if (missing.size === 0) open();
      return opened;
    },
  };
}
