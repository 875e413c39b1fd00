import { beforeEach, expect, test } from 'vitest';
import type { EnvoyExit } from '../../../src/dp/envoy/process.ts';
import { createHandOvers } from '../../../src/dp/hot-restart/hand-overs.ts';
import { createRestartQueue } from '../../../src/dp/hot-restart/requests.ts';
import type { EnvoyPlan } from '../../../src/dp/plan.ts';
import type { EnvoyControl, EnvoyStart, RunningEnvoy } from '../../../src/dp/running-envoy.ts';
import { createCrashHistory } from '../../../src/dp/state/crash-history.ts';
import { createMachine } from '../../../src/dp/state/machine.ts';
import { type SupervisorOptions, superviseEnvoy } from '../../../src/dp/supervisor.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/logger.ts';

const plan = {
  binary: { version: { version: '1', build: '' }, path: 'envoy' },
  received: {},
} as unknown as EnvoyPlan;

interface Actor extends RunningEnvoy {
  readonly signals: string[];
  die(reason: string): void;
}

let deeds: string[];
let envoys: Actor[];
let restarts: ReturnType<typeof createRestartQueue>;
let stopping: AbortController;

beforeEach(() => {
  deeds = [];
  envoys = [];
  restarts = createRestartQueue();
  stopping = new AbortController();
});

/** Serves at once, and ends at any signal. */
function actor({ epoch, plan: own }: EnvoyStart): Actor {
  const { promise: exited, resolve } = Promise.withResolvers<EnvoyExit>();
  const signals: string[] = [];
  const die = (reason: string) => resolve({ code: 0, signal: null, reason });
  const kill = (signal: string) => {
    signals.push(signal);
    die(`killed by ${signal}`);
  };
  const readiness = { latched: true, live: true, waitingFor: [], refused: [], counts: new Map() };
  const envoy: Actor = {
    ...{ signals, die, kill, exited, epoch, plan: own, pid: 0, place: { port: 1 } },
    end() {
      kill('SIGTERM');
      return exited;
    },
    tail: () => [],
    lastRefusal: () => '',
    watch(onChange) {
      queueMicrotask(() => onChange(readiness));
      return {
        ...{ readiness, answeredAt: undefined, missed: 0 },
        ...{ nudge() {}, pause() {}, resume() {}, stop() {} },
      };
    },
  };
  envoys.push(envoy);
  return envoy;
}

function supervise(parts: Partial<SupervisorOptions> = {}, control: Partial<EnvoyControl> = {}) {
  return superviseEnvoy({
    ...{ plan, restarts, clock: systemClock, logger: silentLogger, machine: createMachine(silentLogger) },
    stop: { graceful: stopping.signal, immediate: new AbortController().signal, dispose() {} },
    drained: new AbortController().signal,
    detached: new AbortController().signal,
    adopted: undefined,
    epochs: undefined,
    handOvers: createHandOvers(() => 0),
    crashes: createCrashHistory({ clock: systemClock, baseMs: 10, maxMs: 10, maxRestarts: 0 }),
    revise: async (before) => before,
    degradation: () => '',
    timing: { drainTimeMs: 1_000, parentShutdownMs: 2_000, childLiveMs: 1_000, silenceMs: 0 },
    ...parts,
    control: {
      check: async () => undefined,
      checkHandOver: async () => undefined,
      start: actor,
      adopt: () => envoys[0] as RunningEnvoy,
      forget() {},
      settle: async () => {},
      answers: async () => true,
      running: () => envoys,
      leave: async () => void deeds.push('leave'),
      drain: async ({ epoch }) => void deeds.push(`drain ${epoch}`),
      ...control,
    },
  });
}

test('an Envoy that was adopted is drained and ended by a stop that came before anything else', async () => {
  const serving = actor({ plan, epoch: 3, mayLackParent: false });
  stopping.abort('SIGTERM');
  await supervise({ adopted: { serving, leaving: undefined, adminLost: false } });
  expect(deeds).toEqual(['leave', 'drain 3']);
  expect(serving.signals).toEqual(['SIGTERM']);
});

test('a fault while a restart is prepared refuses it; Envoy serves on and the process with it', async () => {
  const ended = supervise({}, { checkHandOver: () => Promise.reject(new TypeError('a defect')) });
  const asked = restarts.ask({ cause: 'SIGHUP', always: true });
  expect(await asked).toEqual({ ok: false, text: 'not restarted: a defect' });
  expect(envoys.map(({ signals }) => signals)).toEqual([[]]);
  stopping.abort('SIGTERM');
  await ended;
});

test('a restart is granted though Envoy crashes sooner than the control plane answers, whom nobody asks twice at a time', async () => {
  let asking = 0;
  let most = 0;
  const newer = { ...plan };
  const revise = async () => {
    most = Math.max(most, ++asking);
    await new Promise((resolve) => setTimeout(resolve, 200));
    asking--;
    return newer;
  };
  const start = (facts: EnvoyStart) => {
    const envoy = actor(facts);
    if (facts.plan === plan) setTimeout(() => envoy.die('crashed'), 50);
    return envoy;
  };
  const ended = supervise({ revise }, { start });
  const asked = restarts.ask({ cause: 'kuma-dp restart', always: true });
  expect(await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 15_000))])).toEqual({
    ok: true,
    text: 'Envoy is started anew',
  });
  stopping.abort('SIGTERM');
  await ended;
  expect(most).toBe(1);
});

test('who asked for a restart hears of a stop before connections have ended', async () => {
  const drained = Promise.withResolvers<void>();
  const ended = supervise({ revise: () => new Promise(() => {}) }, { drain: () => drained.promise });
  const before = restarts.ask({ cause: 'SIGHUP', always: true });
  await new Promise(setImmediate);
  stopping.abort('SIGTERM');
  expect(await before).toEqual({ ok: false, text: 'the agent stops' });
  expect(await restarts.ask({ cause: 'SIGHUP', always: true })).toMatchObject({ ok: false });
  drained.resolve();
  await ended;
});
