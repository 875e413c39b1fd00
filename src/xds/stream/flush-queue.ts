/** Time one turn of the event loop may spend on sending, before sockets, timers and requests get theirs. */
const SLICE_MS = 8;

/** Runs each added item once, soon, in the order of adding; what is added again meanwhile coalesces. */
export interface FlushQueue<T> {
  add(item: T): void;
}

/** `run` must not throw. A queue of a thousand streams is worked off in slices, so that nothing else starves. */
export function createFlushQueue<T>(run: (item: T) => void, monotonic: () => number): FlushQueue<T> {
  const items = new Set<T>();
  let scheduled = false;

  function work(): void {
    scheduled = false;
    const end = monotonic() + SLICE_MS;
    for (const item of items) {
      items.delete(item);
      run(item);
      if (monotonic() >= end) break;
    }
    if (items.size > 0) schedule();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(work);
  }

  return {
    add(item) {
      items.add(item);
      schedule();
    },
  };
}
