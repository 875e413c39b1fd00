import { afterEach, expect, test } from 'vitest';
import { returnStartupMemory } from '../../../src/dp/startup-memory.ts';
import type { AgentState } from '../../../src/dp/state/agent-state.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const before = globalThis.gc;
afterEach(() => {
  globalThis.gc = before;
});

test('memory is given back once, some time after the first readiness', () => {
  let collections = 0;
  globalThis.gc = (() => {
    collections++;
  }) as unknown as NodeJS.GCFunction;
  const clock = createFakeClock();
  const watch = returnStartupMemory(clock);
  watch({ state: 'starting' } as AgentState);
  clock.advance(60_000);
  expect(collections).toBe(0);
  watch({ state: 'ready' } as AgentState);
  watch({ state: 'ready' } as AgentState);
  clock.advance(60_000);
  const once = collections;
  expect(once).toBeGreaterThan(0);
  watch({ state: 'ready' } as AgentState);
  clock.advance(60_000);
  expect(collections).toBe(once);
});
