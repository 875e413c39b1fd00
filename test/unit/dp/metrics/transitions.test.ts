import { expect, test } from 'vitest';
import { createTransitionCounter } from '../../../../src/dp/metrics/transitions.ts';
import type { AgentState } from '../../../../src/dp/state/agent-state.ts';

const ready = (pid: number): AgentState => ({ state: 'ready', restarts: 0, pid });
const handingOver: AgentState = { state: 'handing-over', restarts: 0, pid: 1, cause: 'SIGHUP' };

test('crashes, refusals and hand-overs are counted', () => {
  const counter = createTransitionCounter();
  const states: AgentState[] = [
    { state: 'starting', restarts: 0, pid: 1 },
    ready(1),
    { state: 'degraded', restarts: 0, pid: 1, reason: 'listeners' },
    ready(1),
    handingOver,
    ready(2),
    { ...handingOver, pid: 2 },
    ready(2),
    { state: 'restarting', restarts: 1, delayMs: 1, reason: 'exit code 1' },
  ];
  for (const state of states) counter.onState(state);
  expect(counter.counts).toEqual({ envoyRestarts: 1, hotRestarts: 1, hotRestartsFailed: 1, refusals: 1 });
});

test('a restart that was asked for and cannot be a hand-over is neither a crash nor a hand-over', () => {
  const counter = createTransitionCounter();
  for (const state of [
    ready(1),
    handingOver,
    { state: 'restarting', restarts: 0, delayMs: 0, reason: 'restart asked for: SIGHUP' },
    ready(2),
  ] as const)
    counter.onState(state);
  expect(counter.counts).toMatchObject({ envoyRestarts: 0, hotRestarts: 0, hotRestartsFailed: 0 });
});

test('the end of a failed hand-over is no new refusal', () => {
  const counter = createTransitionCounter();
  for (const state of [
    { state: 'degraded', restarts: 0, pid: 1, reason: 'x' },
    handingOver,
    { state: 'degraded', restarts: 0, pid: 1, reason: 'x' },
  ] as const)
    counter.onState(state);
  expect(counter.counts).toMatchObject({ refusals: 1, hotRestartsFailed: 1 });
});
