import { describe, expect, test } from 'vitest';
import {
  type AgentEvent,
  type AgentState,
  INITIAL_STATE,
  transition,
} from '../../../../src/dp/state/agent-state.ts';

const states: { readonly [S in AgentState['state']]: AgentState } = {
  locating: INITIAL_STATE,
  bootstrapping: { state: 'bootstrapping', envoyVersion: '1.40.0' },
  validating: { state: 'validating', restarts: 1 },
  starting: { state: 'starting', restarts: 1, pid: 7 },
  ready: { state: 'ready', restarts: 1, pid: 7 },
  degraded: { state: 'degraded', restarts: 1, pid: 7, reason: 'listeners' },
  'handing-over': { state: 'handing-over', restarts: 1, pid: 7, cause: 'SIGHUP' },
  restarting: { state: 'restarting', restarts: 2, delayMs: 5, reason: 'exit code 1' },
  draining: { state: 'draining', cause: 'SIGTERM' },
  stopped: { state: 'stopped', reason: 'SIGTERM' },
};
const events: { readonly [E in AgentEvent['event']]: AgentEvent } = {
  located: { event: 'located', envoyVersion: '1.40.0' },
  bootstrapped: { event: 'bootstrapped' },
  spawned: { event: 'spawned', pid: 8 },
  serving: { event: 'serving' },
  refused: { event: 'refused', reason: 'clusters' },
  'hand-over': { event: 'hand-over', cause: 'SIGHUP' },
  'handed-over': { event: 'handed-over', pid: 8, complete: true },
  'hand-over-failed': { event: 'hand-over-failed' },
  exited: { event: 'exited', reason: 'exit code 1', delayMs: 5 },
  'restart-due': { event: 'restart-due' },
  'stop-requested': { event: 'stop-requested', cause: 'SIGINT' },
  'drain-requested': { event: 'drain-requested', cause: 'SIGUSR2' },
  drained: { event: 'drained' },
  ended: { event: 'ended', reason: 'done' },
};

/** Every state and event that lead somewhere else; all other pairs leave the state as it is. */
const table: Readonly<
  Partial<Record<AgentState['state'], Partial<Record<AgentEvent['event'], AgentState['state']>>>>
> = {
  locating: {
    located: 'bootstrapping',
    'stop-requested': 'draining',
    'drain-requested': 'draining',
    ended: 'stopped',
  },
  bootstrapping: {
    bootstrapped: 'validating',
    'stop-requested': 'draining',
    'drain-requested': 'draining',
    ended: 'stopped',
  },
  validating: {
    spawned: 'starting',
    exited: 'restarting',
    'stop-requested': 'draining',
    'drain-requested': 'draining',
    ended: 'stopped',
  },
  starting: {
    serving: 'ready',
    exited: 'restarting',
    'stop-requested': 'draining',
    'drain-requested': 'draining',
    ended: 'stopped',
  },
  ready: {
    'hand-over': 'handing-over',
    refused: 'degraded',
    exited: 'restarting',
    'stop-requested': 'draining',
    'drain-requested': 'draining',
    ended: 'stopped',
  },
  degraded: {
    serving: 'ready',
    refused: 'degraded',
    exited: 'restarting',
    'stop-requested': 'draining',
    'drain-requested': 'draining',
    'hand-over': 'handing-over',
    ended: 'stopped',
  },
  'handing-over': {
    'handed-over': 'ready',
    'hand-over-failed': 'ready',
    exited: 'restarting',
    'stop-requested': 'draining',
    'drain-requested': 'draining',
    ended: 'stopped',
  },
  restarting: {
    'restart-due': 'validating',
    'stop-requested': 'draining',
    'drain-requested': 'draining',
    ended: 'stopped',
  },
  draining: { ended: 'stopped' },
  stopped: {},
};

describe('each state takes the events that mean something to it and no other', () => {
  for (const [name, state] of Object.entries(states)) {
    for (const [event, value] of Object.entries(events)) {
      const next = table[name as AgentState['state']]?.[event as AgentEvent['event']];
      test(`${name} on ${event}: ${next ?? 'stays as it is'}`, () => {
        const result = transition(state, value);
        if (next === undefined) expect(result).toBe(state);
        else expect(result).toMatchObject({ state: next });
      });
    }
  }
});

test('an end that somebody asked for does not count as a restart', () => {
  const exited = { event: 'exited', reason: 'restart asked for: SIGHUP', delayMs: 0, asked: true } as const;
  expect(transition(states.ready, exited)).toMatchObject({ state: 'restarting', restarts: 1 });
});

test('each exit counts as one more restart, through the whole circle', () => {
  let state: AgentState = states.ready;
  for (const name of ['exited', 'restart-due', 'spawned', 'serving', 'exited'] as const)
    state = transition(state, events[name]);
  expect(state).toEqual({ state: 'restarting', restarts: 3, delayMs: 5, reason: 'exit code 1' });
});

test('the same refusal told twice is no change', () => {
  expect(transition(states.degraded, { event: 'refused', reason: 'listeners' })).toBe(states.degraded);
});

test('a hand-over that fails leaves the proxy as it was: degraded stays degraded', () => {
  const during = transition(states.degraded, events['hand-over']);
  expect(transition(during, events['hand-over-failed'])).toEqual(states.degraded);
});

test('an Envoy that took over without its whole configuration is not called ready', () => {
  const event = { event: 'handed-over', pid: 8, complete: false } as const;
  expect(transition(states['handing-over'], event)).toMatchObject({ state: 'starting', pid: 8 });
});

test('a proxy that is drained and stays drains for good when it is stopped', () => {
  const drained = transition(states.ready, events['drain-requested']);
  expect(drained).toEqual({ state: 'draining', cause: 'SIGUSR2', stays: true });
  expect(transition(drained, events['stop-requested'])).toEqual({ state: 'draining', cause: 'SIGINT' });
});
