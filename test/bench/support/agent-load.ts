import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningProgram } from '../../support/processes.ts';
import { startTraffic, type Traffic } from '../../support/traffic.ts';
import type { Measurement } from '../row.ts';
import { served, startAgentBench } from './agent.ts';
import { cpuSeconds, memoryOf } from './usage.ts';

/** Memory of the agent promised for an idle proxy; load does not pass through it and must not change it. */
const BUDGET = { rssMb: 64, privateDirtyMb: 18 };
const AGENTS = 6;

/** Memory and processor time of one agent alone under load, then of each of six with a load of its own. */
export async function measureUnderLoad(seconds: number): Promise<readonly Measurement[]> {
  const bench = await startAgentBench();
  const agents: RunningProgram[] = [];
  const traffics: Traffic[] = [];
  const add = async (share: number) => {
    const { name, port } = await bench.nextDataplane();
    const agent = bench.startAgent(name);
    await served(port);
    agents.push(agent);
    traffics.push(startTraffic({ httpPort: port, share }));
  };
  const measure = async () => {
    const before = agents.map(({ pid }) => cpuSeconds(pid));
    await sleep(seconds * 1_000);
    const cores = agents.map(({ pid }, i) => (cpuSeconds(pid) - (before[i] ?? 0)) / seconds);
    return describe(agents, { seconds, cores: Math.max(...cores) });
  };
  try {
    await add(1);
    const one = await measure();
    while (agents.length < AGENTS) await add(0.25);
    const six = await measure();
    await Promise.all(traffics.map((traffic) => traffic.end()));
    const failed = traffics.reduce((sum, traffic) => sum + traffic.failed.length, 0);
    await Promise.all(agents.map((agent) => agent.stop({ timeoutMs: 60_000 })));
    return [
      ...one,
      ...six,
      { name: 'failed requests of that load', value: failed, unit: 'requests', budget: 0 },
    ];
  } finally {
    await bench.close();
  }
}

/** The largest of them: a budget holds for each. */
function describe(
  agents: readonly RunningProgram[],
  { seconds, cores }: { readonly seconds: number; readonly cores: number },
): readonly Measurement[] {
  const memories = agents.map(({ pid }) => memoryOf(pid));
  const what = `${agents.length === 1 ? '1 agent' : `largest of ${agents.length} agents`}, ${seconds} s of load`;
  const { rssMb, privateDirtyMb } = BUDGET;
  return [
    {
      name: `${what}: RSS without Envoy`,
      value: Math.max(...memories.map((memory) => memory.rssMb)),
      unit: 'MB',
      budget: rssMb,
    },
    {
      name: `${what}: private dirty`,
      value: Math.max(...memories.map((memory) => memory.privateDirtyMb)),
      unit: 'MB',
      budget: privateDirtyMb,
    },
    { name: `${what}: processor`, value: cores, unit: 'cores' },
  ];
}
