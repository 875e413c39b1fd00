import { afterEach, expect, test } from 'vitest';
import { returnIdleMemory } from '../../../src/dp/idle-memory.ts';
import type { AgentState } from '../../../src/dp/state/agent-state.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const before = globalThis.gc;
afterEach(() => {
  globalThis.gc = before;
});

test('memory is given back after the first readiness, and a little now and then', () => {
  let collections = 0;
  globalThis.gc = (() => {
    collections++;
  }) as unknown as NodeJS.GCFunction;
  const clock = createFakeClock();
  const watch = returnIdleMemory(clock);
  watch({ state: 'starting' } as AgentState);
  clock.advance(60_000);
  expect(collections).toBe(0);
  watch({ state: 'ready' } as AgentState);
  watch({ state: 'ready' } as AgentState);
  clock.advance(1_500);
  // Others have their turn between two.
  expect(collections).toBe(1);
  clock.advance(500);
  const atStart = collections;
  expect(atStart).toBeGreaterThan(1);
  clock.advance(60_000);
  expect(collections - atStart).toBe(3);
});
