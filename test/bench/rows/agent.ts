import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningProgram } from '../../support/processes.ts';
import type { Measurement, Row } from '../row.ts';
import { type AgentBench, envoyOf, isRunning, served, startAgentBench } from '../support/agent.ts';
import { median } from '../support/statistics.ts';
import { type Memory, memoryOf } from '../support/usage.ts';

const TIMES = 5;
const SETTLE_MS = 3_000;
/** By then an idle agent has been through several of its collections, and what grows with time has begun to. */
const LONG_IDLE_MS = 75_000;

/** One agent through its life, beside a running kuma-cp: start, memory, a killed Envoy, stop, start under the same name. */
export const row: Row = {
  name: 'agent',
  async run() {
    const bench = await startAgentBench();
    try {
      const idle = await startIdle(bench);
      // Not counted: it brings programs into the page cache.
      await life(bench);
      const lives: Life[] = [];
      for (let i = 0; i < TIMES; i++) lives.push(await life(bench));
      return [...toMeasurements(lives), ...(await idle.measure())];
    } finally {
      await bench.close();
    }
  },
};

interface Life {
  readonly startMs: number;
  readonly memory: Memory;
  readonly envoyKilledMs: number;
  readonly stopMs: number;
  readonly restartMs: number;
}

async function life(bench: AgentBench): Promise<Life> {
  const { name, port } = await bench.nextDataplane();
  const begin = performance.now();
  const agent = bench.startAgent(name);
  await served(port);
  const startMs = performance.now() - begin;
  await sleep(SETTLE_MS);
  const memory = memoryOf(agent.pid);
  const envoyKilledMs = await timeKilledEnvoy(agent, port);
  const stopMs = await timeStop(agent);
  const again = performance.now();
  const second = bench.startAgent(name);
  await served(port);
  const restartMs = performance.now() - again;
  await second.stop();
  return { startMs, memory, envoyKilledMs, stopMs, restartMs };
}

/** One more agent, beside the others: nothing happens to it. */
async function startIdle(bench: AgentBench): Promise<{ measure(): Promise<readonly Measurement[]> }> {
  const { name, port } = await bench.nextDataplane();
  const agent = bench.startAgent(name);
  await served(port);
  const end = performance.now() + LONG_IDLE_MS;
  return {
    async measure() {
      await sleep(Math.max(0, end - performance.now()));
      const { rssMb, privateDirtyMb } = memoryOf(agent.pid);
      await agent.stop();
      const what = 'agent memory, after more than 75 s idle';
      return [
        { name: `${what} (RSS, without Envoy)`, value: rssMb, unit: 'MB', budget: 64 },
        { name: `${what} (private dirty)`, value: privateDirtyMb, unit: 'MB', budget: 18 },
      ];
    },
  };
}

async function timeKilledEnvoy(agent: RunningProgram, port: number): Promise<number> {
  const pid = await envoyOf(agent);
  const begin = performance.now();
  process.kill(pid, 'SIGKILL');
  // It may take a moment to die: until then the old one answers.
  while (isRunning(pid)) await sleep(1);
  await served(port);
  const ms = performance.now() - begin;
  await sleep(SETTLE_MS);
  return ms;
}

async function timeStop(agent: RunningProgram): Promise<number> {
  const begin = performance.now();
  await agent.stop({ timeoutMs: 60_000 });
  return performance.now() - begin;
}

function toMeasurements(lives: readonly Life[]): readonly Measurement[] {
  const of = (read: (life: Life) => number) => median(lives.map(read));
  return [
    { name: 'agent start to first request served', value: of((l) => l.startMs), unit: 'ms', budget: 500 },
    {
      name: 'agent restart under the same name to served',
      value: of((l) => l.restartMs),
      unit: 'ms',
      budget: 500,
    },
    {
      name: 'agent memory, idle (RSS, without Envoy)',
      value: of((l) => l.memory.rssMb),
      unit: 'MB',
      budget: 64,
    },
    {
      name: 'agent memory, idle (private dirty)',
      value: of((l) => l.memory.privateDirtyMb),
      unit: 'MB',
      budget: 18,
    },
    { name: 'Envoy killed to serving again', value: of((l) => l.envoyKilledMs), unit: 'ms', budget: 500 },
    { name: 'stop of an idle proxy', value: of((l) => l.stopMs), unit: 'ms', budget: 2000 },
  ];
}
