import { existsSync, readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { echo, open } from '../support/traffic.ts';
import { call } from './support/calls.ts';
import {
  inRunDirectory,
  killOutright,
  lookAround,
  pause,
  type Surroundings,
  untilLogged,
  untilStateWritten,
  type Victim,
} from './support/killed-agent.ts';
import { createOneProxy, type OneProxy, untilState } from './support/one-proxy.ts';

/** How often each moment of the table is met. */
const ROUNDS = process.env.FULL === '1' ? 9 : 1;
const TIMES = '--drain-time 5s --parent-shutdown-time 8s';
/** The control plane is there all the while: a start on a busy machine is not to go on without it. */
const ARGS = `${TIMES} --cp-grace 30s`;

/** When an agent is killed: a random time after something that shows in its log. */
interface Moment {
  readonly when: string;
  /** Brings an agent there; one that serves, or one that was just started. */
  readonly reach: (agent: RunningProgram) => Promise<unknown>;
  /** The kill comes this much later at most. */
  readonly withinMs: number;
  /** Where it is to be by then; the first is the one that is meant. A machine that stands still may let it pass. */
  readonly phases: readonly string[];
}

let proxy: OneProxy;
let around: Surroundings;
/** Keeps a proxy that drains from being done. */
let busy: Socket | undefined;

const stateDir = () => join(proxy.mesh.home, 'state', 'bookinfo.web');
const files = () => (existsSync(stateDir()) ? readdirSync(stateDir()) : []);

/** An agent that is killed while it starts. */
const EARLY: readonly Moment[] = [
  {
    when: 'in its first steps',
    reach: () => Promise.resolve(),
    withinMs: 120,
    phases: ['first steps', 'locating', 'bootstrapping', 'validating'],
  },
  {
    when: 'while it looks for Envoy',
    reach: (agent) => untilLogged(agent, /agent started/),
    withinMs: 5,
    phases: ['locating', 'bootstrapping'],
  },
  {
    when: 'while it asks for its bootstrap',
    reach: (agent) => untilLogged(agent, / bootstrapping /),
    withinMs: 200,
    phases: ['bootstrapping'],
  },
  {
    when: 'while Envoy checks the bootstrap',
    reach: (agent) => untilLogged(agent, / validating /),
    withinMs: 30,
    phases: ['validating', 'starting'],
  },
  {
    when: 'when Envoy was just spawned',
    reach: (agent) => untilLogged(agent, / starting mesh/),
    withinMs: 10,
    phases: ['starting'],
  },
  {
    when: 'before Envoy has its whole configuration',
    reach: (agent) => untilLogged(agent, /initializing epoch 0/),
    withinMs: 60,
    phases: ['starting', 'ready'],
  },
];

/** An agent that is killed once it serves. */
const LATE: readonly Moment[] = [
  { when: 'while it serves', reach: () => Promise.resolve(), withinMs: 500, phases: ['ready'] },
  {
    when: 'while Envoy hangs',
    reach: async () => process.kill((await proxy.status()).pid, 'SIGSTOP'),
    withinMs: 100,
    phases: ['ready'],
  },
  {
    when: 'while a new Envoy is checked',
    reach: (agent) => handOver(agent, /restarting Envoy/),
    withinMs: 40,
    phases: ['preparing a hand-over', 'handing-over'],
  },
  {
    when: 'before the new Envoy is live',
    reach: (agent) => handOver(agent, /new Envoy started/),
    withinMs: 30,
    phases: ['handing-over', 'two Envoys'],
  },
  {
    when: 'while the new Envoy takes over',
    reach: (agent) => handOver(agent, /shutting down admin due to child/),
    withinMs: 60,
    phases: ['handing-over', 'two Envoys'],
  },
  {
    when: 'after the new Envoy took over, with the old one there',
    reach: async (agent) => {
      await hold();
      await handOver(agent, /the new Envoy serves/);
    },
    withinMs: 1_500,
    phases: ['two Envoys'],
  },
  {
    when: 'while connections end',
    reach: async (agent) => {
      await hold();
      agent.signal('SIGTERM');
      await untilLogged(agent, / draining /);
    },
    withinMs: 1_500,
    phases: ['draining'],
  },
  {
    when: 'while it is drained and kept',
    reach: async (agent) => {
      agent.signal('SIGUSR2');
      await untilState(proxy, 'drained');
    },
    withinMs: 200,
    phases: ['ending'],
  },
  {
    when: 'at its very end',
    reach: (agent) => {
      agent.signal('SIGTERM');
      return untilLogged(agent, /no connections left/);
    },
    withinMs: 40,
    phases: ['ending', 'stopped'],
  },
  {
    when: 'while Envoy is started again after a crash',
    reach: async (agent) => {
      const { pid } = await proxy.status();
      const seen = agent.output().length;
      process.kill(pid, 'SIGKILL');
      await untilLogged(agent, / restarting /, seen);
    },
    withinMs: 80,
    phases: ['validating', 'restarting', 'starting', 'ready'],
  },
];

/** How often a moment is tried that was over when the kill came: every kill counts, whenever it came. */
const TRIES = 6;

/** What no run may miss. */
const MET = ['bootstrapping', 'starting', 'ready', 'handing-over', 'two Envoys', 'draining', 'ending'];

/** SIGHUP asks; the commands would take their time. */
async function handOver(agent: RunningProgram, until: RegExp): Promise<void> {
  const seen = agent.output().length;
  agent.signal('SIGHUP');
  await untilLogged(agent, until, seen);
}

async function hold(): Promise<void> {
  busy = await open(proxy.tcpPort);
  busy.on('error', () => {});
  await echo(busy, 'here\n');
}

beforeAll(async () => {
  proxy = await createOneProxy();
  around = lookAround();
});

afterAll(() => proxy.close());

/** A clean start, as promptly as the very first; its agent. */
async function startCleanly(took: number[]): Promise<RunningProgram> {
  const at = performance.now();
  const agent = proxy.launch(ARGS);
  await untilLogged(agent, / ready mesh/);
  took.push(Math.round(performance.now() - at));
  // What stands in its way is waited for longer.
  expect(took.at(-1), agent.output()).toBeLessThan(15_000);
  expect(agent.output()).not.toMatch(/ (WARN|ERROR) +kuma-dp /);
  expect(await proxy.serves(), agent.output()).toBe(true);
  expect(inRunDirectory(proxy)).toEqual(['bookinfo.web']);
  return agent;
}

/** Ends an agent at once, and sees that nothing is left. */
async function end(agent: RunningProgram): Promise<void> {
  agent.signal('SIGTERM');
  await untilLogged(agent, / draining /);
  agent.signal('SIGTERM');
  expect(await agent.exited, agent.output()).toEqual({ code: 0, signal: null });
  expect(inRunDirectory(proxy)).toEqual([]);
  const { processes, locks } = lookAround();
  expect(processes.filter((pid) => !around.processes.includes(pid))).toEqual([]);
  expect(locks).toEqual(around.locks);
}

async function killAt(agent: RunningProgram, moment: Moment): Promise<Victim> {
  await moment.reach(agent);
  await pause(Math.random() * moment.withinMs);
  const victim = await killOutright(agent, around, proxy);
  busy?.destroy();
  busy = undefined;
  const ended = victim.exit.code === 0 && victim.phase === 'stopped';
  if (!ended) expect(victim.exit, agent.output()).toEqual({ code: null, signal: 'SIGKILL' });
  return victim;
}

/** Kills one agent there, and starts the next, which must find nothing in its way. */
async function killAndStart(
  moment: Moment,
  serving: RunningProgram,
  took: number[],
): Promise<[Victim, RunningProgram]> {
  let agent = serving;
  if (EARLY.includes(moment)) {
    await end(serving);
    proxy.slowBootstrap(moment.phases[0] === 'bootstrapping' ? 400 : 0);
    agent = proxy.launch(ARGS);
  }
  const victim = await killAt(agent, moment);
  proxy.slowBootstrap(0);
  const next = await startCleanly(took);
  if (victim.sharedMemory !== undefined) expect(existsSync(victim.sharedMemory), moment.when).toBe(false);
  return [victim, next];
}

test('an agent killed at any moment of its life takes all it started along, and the next one starts as if nothing had been', async () => {
  const took: number[] = [];
  const victims: Victim[] = [];
  let agent = await startCleanly(took);
  // What the kills must not damage.
  await waitUntil(
    () => files().includes('bootstrap') && files().some((name) => name.startsWith('generation-')),
  );
  const meet = async (moment: Moment) => {
    const [victim, next] = await killAndStart(moment, agent, took);
    victims.push(victim);
    agent = next;
    return victim.phase;
  };
  for (let round = 0; round < ROUNDS; round++)
    for (const moment of [...EARLY, ...LATE]) {
      const seen = [await meet(moment)];
      while (!moment.phases.includes(seen.at(-1) ?? '')) {
        expect(seen.length, `${moment.when}: ${seen.join(', ')}`).toBeLessThan(TRIES);
        seen.push(await meet(moment));
      }
    }
  const missed = () => MET.filter((phase) => !victims.some((victim) => victim.phase === phase));
  for (let tries = 0; tries < TRIES && missed().length > 0; tries++)
    for (const moment of [...EARLY, ...LATE])
      if (moment.phases.some((phase) => missed().includes(phase))) await meet(moment);
  await end(agent);
  const phases = Object.groupBy(victims, ({ phase }) => phase);
  console.log(
    `${victims.length} kills: ${Object.entries(phases)
      .map(([phase, list]) => `${phase} ${list?.length}`)
      .join(', ')}`,
    `\nslowest end of what it started ${Math.max(...victims.map((v) => v.outlivedMs))} ms;`,
    `start to ready, ms: median ${took.toSorted((a, b) => a - b)[took.length >> 1]}, longest ${Math.max(...took)}`,
  );
  expect(missed()).toEqual([]);
});

test('an agent killed while it writes its state leaves a state that the next one can start from alone', async () => {
  let halfWritten = 0;
  for (let i = 0; i < 3 * ROUNDS; i++) {
    const agent = proxy.launch(ARGS);
    await untilStateWritten(stateDir());
    const { exit } = await killOutright(agent, around, proxy);
    expect(exit.signal, agent.output()).toBe('SIGKILL');
    if (files().some((name) => name.endsWith('.tmp'))) halfWritten++;
  }
  console.log(`${3 * ROUNDS} kills, ${halfWritten} in the middle of a file`);
  await proxy.mesh.programs.get('kuma-cp')?.stop();
  const alone = proxy.launch(`${TIMES} --cp-grace 1s`);
  await untilLogged(alone, / ready mesh/);
  expect(alone.output()).toContain('starting with the last known good configuration, STALE');
  expect(alone.output()).not.toContain('saved state is not used');
  expect(await proxy.serves()).toBe(true);
  expect((await call(`http://127.0.0.1:${proxy.plainPort}/`)).outcome).toBe(200);
  await end(alone);
});
