import { beforeEach, expect, test } from 'vitest';
import { AgentError } from '../../../src/dp/agent-error.ts';
import { createHandOvers } from '../../../src/dp/hot-restart/hand-overs.ts';
import { createRestartQueue } from '../../../src/dp/hot-restart/requests.ts';
import { pauseBefore } from '../../../src/dp/pause.ts';
import type { EnvoyPlan } from '../../../src/dp/plan.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const old = { received: { old: true } } as unknown as EnvoyPlan;
const newer = { received: { old: false } } as unknown as EnvoyPlan;

let clock = createFakeClock();
let restarts = createRestartQueue();
let stopping = new AbortController();
let revised: Promise<EnvoyPlan>;
let problem: AgentError | undefined;
let checks: number;
let checked: AbortSignal | undefined;
/** How long a check takes. */
let checking: Promise<void>;

beforeEach(() => {
  clock = createFakeClock();
  restarts = createRestartQueue();
  stopping = new AbortController();
  revised = Promise.resolve(newer);
  problem = undefined;
  checks = 0;
  checking = Promise.resolve();
});

function pause(anyWish = false): Promise<EnvoyPlan> {
  return pauseBefore(
    {
      ...{ clock, restarts, handOvers: createHandOvers(() => 0) },
      control: {
        async check(_plan, signal) {
          checks++;
          checked = signal;
          await checking;
          return problem;
        },
      },
      stop: { graceful: stopping.signal, immediate: new AbortController().signal, dispose() {} },
      revise: () => revised,
    },
    { plan: old, delayMs: 30_000, anyWish },
  );
}

test('a pause nobody disturbs lasts as long as it should, and leaves no timer', async () => {
  const paused = pause();
  clock.advance(30_000);
  expect(await paused).toBe(old);
  expect(clock.pending).toBe(0);
});

test('a restart that is asked for does not wait for its end, and begins with what is newest', async () => {
  const paused = pause();
  const asked = restarts.ask({ cause: 'SIGHUP', always: true });
  expect(await paused).toBe(newer);
  expect(await asked).toEqual({ ok: true, text: 'Envoy is started anew' });
});

test('a look for changes waits for an Envoy that grants it, but not where none can be started', async () => {
  const asked = restarts.ask({ cause: 'bootstrap refresh', always: false });
  const paused = pause();
  await new Promise(setImmediate);
  expect(restarts.waiting).toBe('changes');
  clock.advance(30_000);
  expect(await paused).toBe(old);
  expect(await pause(true)).toBe(newer);
  expect((await asked).ok).toBe(true);
});

test('nothing newer, or something that is refused, leaves the pause as it is', async () => {
  revised = Promise.resolve(old);
  const unchanged = restarts.ask({ cause: 'bootstrap refresh', always: false });
  const paused = pause(true);
  expect(await unchanged).toEqual({ ok: true, text: 'nothing changed' });
  revised = Promise.resolve(newer);
  problem = new AgentError('envoy-config-invalid', 'Envoy refuses its bootstrap');
  expect(await restarts.ask({ cause: 'SIGHUP', always: true })).toMatchObject({ ok: false });
  revised = Promise.reject(new Error('no Envoy there'));
  expect((await restarts.ask({ cause: 'SIGHUP', always: true })).text).toContain('no Envoy there');
  clock.advance(30_000);
  expect(await paused).toBe(old);
});

test('a look that does not end in time is left to the Envoy that is started', async () => {
  revised = new Promise(() => {});
  void restarts.ask({ cause: 'SIGHUP', always: true });
  const paused = pause();
  await new Promise(setImmediate);
  expect(restarts.waiting).toBe('none');
  clock.advance(30_000);
  expect(await paused).toBe(old);
  expect(restarts.waiting).toBe('always');
});

test('what a look finds after its end is not checked: the file for that is the one of the Envoy that starts', async () => {
  const found = Promise.withResolvers<EnvoyPlan>();
  revised = found.promise;
  void restarts.ask({ cause: 'SIGHUP', always: true });
  const paused = pause();
  await new Promise(setImmediate);
  clock.advance(30_000);
  await paused;
  found.resolve(newer);
  await new Promise(setImmediate);
  expect(checks).toBe(0);
});

test('a check that is not done at its end is given up', async () => {
  checking = new Promise(() => {});
  void restarts.ask({ cause: 'SIGHUP', always: true });
  const paused = pause();
  await new Promise(setImmediate);
  expect(checked?.aborted).toBe(false);
  clock.advance(30_000);
  expect(await paused).toBe(old);
  expect(checked?.aborted).toBe(true);
  expect(restarts.waiting).toBe('always');
});

test('a stop ends it', async () => {
  const paused = pause();
  stopping.abort();
  expect(await paused).toBe(old);
});
