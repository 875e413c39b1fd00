import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { allocatePorts } from '../../support/ports.ts';
import type { Measurement, Row } from '../row.ts';
import { type AgentBench, startAgentBench } from '../support/agent.ts';
import { type Memory, memoryOf } from '../support/usage.ts';

const COUNTS = [1, 6, 20];
/** By then the agent has given back what its start needed. */
const IDLE_MS = 30_000;

/** One agent for a directory of Dataplanes: start of all, and what a further proxy costs the agent. */
export const row: Row = {
  name: 'many-services',
  async run() {
    const bench = await startAgentBench();
    try {
      const crews: Crew[] = [];
      for (const count of COUNTS) crews.push(await measure(bench, count));
      return [...crews.flatMap(toMeasurements), ...toSlope(crews)];
    } finally {
      await bench.close();
    }
  },
};

interface Crew {
  readonly count: number;
  readonly readyMs: number;
  readonly memory: Memory;
}

async function measure(bench: AgentBench, count: number): Promise<Crew> {
  const dir = join(bench.cp.home, `dataplanes-${count}`);
  mkdirSync(dir);
  const ports = await allocatePorts(count * 2);
  for (let i = 0; i < count; i++) {
    const name = `many-${count}-${i}`;
    const inbound = `{port: ${ports[2 * i]}, servicePort: 1, tags: {kuma.io/service: ${name}, kuma.io/protocol: http}}`;
    const outbound = `{port: ${ports[2 * i + 1]}, tags: {kuma.io/service: many-${count}-${(i + 1) % count}}}`;
    const networking = `networking: {address: 127.0.0.1, inbound: [${inbound}], outbound: [${outbound}]}`;
    writeFileSync(
      join(dir, `${name}.yaml`),
      `type: Dataplane\nmesh: default\nname: ${name}\n${networking}\n`,
    );
  }
  const begin = performance.now();
  const agent = bench.startAgents(dir);
  await agent.waitForLine(`${count} of ${count} ready`, { timeoutMs: 120_000 });
  const readyMs = performance.now() - begin;
  await sleep(IDLE_MS);
  const memory = memoryOf(agent.pid);
  await agent.stop({ timeoutMs: 60_000 });
  return { count, readyMs, memory };
}

function toMeasurements({ count, readyMs, memory }: Crew): readonly Measurement[] {
  const what = count === 1 ? 'agent of a directory of 1' : `agent of ${count} proxies`;
  return [
    { name: `${what}, start to all ready`, value: readyMs, unit: 'ms' },
    { name: `${what}, memory idle (RSS, without Envoys)`, value: memory.rssMb, unit: 'MB' },
    { name: `${what}, memory idle (private dirty)`, value: memory.privateDirtyMb, unit: 'MB' },
  ];
}

/** From the fewest to the most. */
function toSlope(crews: readonly Crew[]): readonly Measurement[] {
  const [first, last] = [crews[0], crews.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  const value = (last.memory.privateDirtyMb - first.memory.privateDirtyMb) / (last.count - first.count);
  return [{ name: 'agent memory for each further proxy (private dirty)', value, unit: 'MB', budget: 2 }];
}
