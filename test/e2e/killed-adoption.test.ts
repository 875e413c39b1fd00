import { afterAll, beforeAll, expect, test } from 'vitest';
import { findEnvoysOf } from '../../src/dp/run-dir/kept.ts';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { expectNothingLeft, instanceDir, KEEP, killed } from './support/adoption.ts';
import { lookAround, pause, phaseOf, type Surroundings, untilLogged } from './support/killed-agent.ts';
import { createOneProxy, type OneProxy } from './support/one-proxy.ts';

/** How often each moment is met. */
const ROUNDS = process.env.FULL === '1' ? 10 : 1;

/** When an agent that keeps its Envoy is killed: some time after it got there. */
interface Moment {
  readonly when: string;
  /** Of an agent that was just started beside a kept Envoy; else of one that serves. */
  readonly starting?: true;
  readonly reach: (agent: RunningProgram) => Promise<unknown>;
  readonly withinMs: number;
  /** The Envoy that serves is the same afterwards. */
  readonly same?: true;
}

let proxy: OneProxy;
let around: Surroundings;

beforeAll(async () => {
  proxy = await createOneProxy();
  around = lookAround();
});

afterAll(() => proxy.close());

const handOver = (until: RegExp) => async (agent: RunningProgram) => {
  const seen = agent.output().length;
  agent.signal('SIGHUP');
  await untilLogged(agent, until, seen);
};

const after = (pattern: RegExp) => (agent: RunningProgram) => untilLogged(agent, pattern);
const at = { once: () => Promise.resolve() };

const MOMENTS: readonly Moment[] = [
  { when: 'in its first steps', starting: true, reach: at.once, withinMs: 250, same: true },
  { when: 'before it adopts', starting: true, reach: after(/agent started/), withinMs: 20, same: true },
  { when: 'while it adopts', starting: true, reach: after(/adopting it/), withinMs: 20, same: true },
  { when: 'after it adopted', starting: true, reach: after(/adopting it/), withinMs: 300, same: true },
  { when: 'while it serves', reach: at.once, withinMs: 300, same: true },
  { when: 'while a new Envoy is checked', reach: handOver(/restarting Envoy/), withinMs: 100 },
  { when: 'before the new Envoy is live', reach: handOver(/new Envoy started/), withinMs: 40 },
  { when: 'while the new Envoy takes over', reach: handOver(/shutting down admin due to/), withinMs: 60 },
  { when: 'with the old Envoy there', reach: handOver(/the new Envoy serves/), withinMs: 1_500 },
  {
    when: 'while connections end',
    reach: async (agent) => {
      agent.signal('SIGTERM');
      await untilLogged(agent, / draining /);
    },
    withinMs: 900,
  },
  {
    when: 'at its very end',
    reach: async (agent) => {
      agent.signal('SIGTERM');
      await untilLogged(agent, /no connections left/);
    },
    withinMs: 40,
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
  },
];

/** An agent that serves, alone in charge of all Envoys that run. */
async function startBeside(when: string): Promise<RunningProgram> {
  const began = performance.now();
  const agent = proxy.launch(KEEP);
  await waitUntil(
    async () => {
      if (agent.exit() !== undefined) throw new Error('it ended');
      return ['ready', 'degraded'].includes((await proxy.status()).state);
    },
    { describe: () => `a start after a kill ${when}:\n${agent.output()}` },
  );
  console.log(`${when}: ready after ${Math.round(performance.now() - began)} ms`);
  await waitUntil(() => proxy.serves(), {
    describe: () => `an answer after a kill ${when}:\n${agent.output()}`,
  });
  // A lost admin interface is mended by one more hand-over; an Envoy that only checks a bootstrap ends by itself.
  const onlyKnown = async () => {
    const { state, envoys } = await proxy.status();
    const known = new Set(envoys.map(({ pid }) => pid));
    return state === 'ready' && findEnvoysOf(instanceDir(proxy)).every((pid) => known.has(pid));
  };
  await waitUntil(onlyKnown, {
    describe: () => `the end of orphans after a kill ${when}:\n${agent.output()}`,
  });
  return agent;
}

const TITLE =
  'an agent that keeps its Envoy may be killed at any moment: the next one has that Envoy, or a new one, and no other is left';

test(TITLE, { timeout: ROUNDS * 180_000 }, async () => {
  const phases: string[] = [];
  let agent = await startBeside('nowhere');
  for (let round = 0; round < ROUNDS; round++)
    for (const { when, starting, reach, withinMs, same } of MOMENTS) {
      const before = await proxy.status();
      if (starting) {
        await killed(agent);
        agent = proxy.launch(KEEP);
      }
      await reach(agent);
      await pause(Math.random() * withinMs);
      await killed(agent);
      phases.push(phaseOf(agent.output()));
      const log = agent.output();
      agent = await startBeside(when);
      if (same)
        expect((await proxy.status()).pid, `${when}\n${log}\n---\n${agent.output()}`).toBe(before.pid);
    }
  const counts = Object.entries(Object.groupBy(phases, (phase) => phase));
  console.log(
    `${phases.length} kills: ${counts.map(([phase, list]) => `${phase} ${list?.length}`).join(', ')}`,
  );
  // A hand-over is possible afterwards: no id is wedged and no admin interface lost.
  expect(await proxy.mesh.shell.ok('kuma-dp restart web')).toMatch(/epoch \d+ took over/);
  const sharedMemory = await proxy.sharedMemory();
  expect(await agent.stop(), agent.output()).toEqual({ code: 0, signal: null });
  await expectNothingLeft(proxy, sharedMemory);
  const { processes, locks } = lookAround();
  expect(processes.filter((pid) => !around.processes.includes(pid))).toEqual([]);
  expect(locks).toEqual(around.locks);
});
