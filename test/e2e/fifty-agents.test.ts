import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { peekText } from '../../src/lib/peek.ts';
import {
  builtProgram,
  envoyBinary,
  type RunningProgram,
  runProgram,
  waitUntil,
} from '../support/processes.ts';
import { call } from './support/calls.ts';
import { createTestMesh, MESH, READY, type TestMesh } from './support/mesh.ts';
import { startHttpService } from './support/one-proxy.ts';

const COUNT = process.env.FULL === '1' ? 50 : 8;
/** Every so many-th agent runs as somebody else. */
const OTHERS = 4;
const TIMEOUT_MS = 60_000 + COUNT * 6_000;
const SERVICE = 15_101;
const INBOUND = 20_000;
const OUTBOUND = 21_000;
const NOBODY = 65_534;
const AS_NOBODY = `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups`;

const reads = `${AS_NOBODY} sh -c 'cat ${builtProgram('kuma-dp')} && ${envoyBinary()} --version'`;
const mayBeOthers = process.getuid?.() === 0 && (await runProgram('bash', ['-c', reads])).code === 0;
if (!mayBeOthers)
  console.warn('all agents run as one user: no program of this clone can be run as another here');

interface Agent {
  readonly name: string;
  readonly index: number;
  readonly runDir: string;
  readonly program: RunningProgram;
}

let mesh: TestMesh;
let closeService: () => void;

beforeAll(async () => {
  mesh = await createTestMesh();
  closeService = await startHttpService(SERVICE);
  await mesh.startControlPlane();
  await mesh.apply(`type: Mesh\nname: ${MESH}`);
  const documents = Array.from({ length: COUNT }, (_, i) => dataplane(i)).join('\n---\n');
  await mesh.apply(documents);
}, TIMEOUT_MS);

afterAll(async () => {
  await mesh.close();
  closeService();
});

function dataplane(i: number): string {
  return `type: Dataplane
mesh: ${MESH}
name: p-${i}
networking:
  address: 127.0.0.1
  inbound:
  - port: ${INBOUND + i}
    servicePort: ${SERVICE}
    tags: {kuma.io/service: s-${i}, kuma.io/protocol: http}
  outbound:
  - port: ${OUTBOUND + i}
    tags: {kuma.io/service: s-${(i + 1) % COUNT}}`;
}

async function start(index: number): Promise<Agent> {
  const name = `p-${index}`;
  const other = mayBeOthers && index % OTHERS === OTHERS - 1;
  const home = other ? join(mesh.home, 'others') : mesh.home;
  const runDir = join(home, 'run');
  const program = mesh.shell.start(
    `${other ? AS_NOBODY : ''} kuma-dp run --drain-time 1s --parent-shutdown-time 2s`,
    {
      ...{ KUMA_DATAPLANE_NAME: name, KUMA_DATAPLANE_RUNTIME_RUN_DIR: runDir, HOME: home },
      STATE_DIRECTORY: join(home, 'state'),
    },
  );
  return { name, index, runDir, program };
}

const statusOf = async ({ name, runDir }: Agent) =>
  JSON.parse(
    await mesh.shell.ok(`kuma-dp status ${name} -o json`, { KUMA_DATAPLANE_RUNTIME_RUN_DIR: runDir }),
  ) as { readonly state: string; readonly pid: number; readonly epoch: number; readonly agentPid: number };

/** Proportional memory in MB: what is shared counts once. */
function memoryOf(pids: readonly number[]): number {
  const kib = pids.map((pid) =>
    Number(/^Pss:\s+(\d+)/m.exec(peekText(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0),
  );
  return Math.round(kib.reduce((sum, one) => sum + one, 0) / 1024);
}

function processesOf(agents: readonly Agent[]): readonly number[] {
  const dirs = new Set(agents.map(({ runDir }) => runDir));
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const text = peekText(`/proc/${name}/cmdline`);
    return [...dirs].some((dir) => text.includes(`${dir}/`)) ? [Number(name)] : [];
  });
}

/** Addresses and claims of agents that the kernel still knows in this network namespace. */
const socketsLeft = () =>
  readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => /@kuma-(port\/|\d+-dp-)/.test(line) || line.includes(`${mesh.home}/`));

async function timed<T>(what: string, act: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await act();
  console.log(`${COUNT} agents, ${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}

async function allAnswer(agents: readonly Agent[]): Promise<void> {
  for (const { index, program } of agents)
    for (const port of [INBOUND + index, OUTBOUND + index])
      await waitUntil(async () => (await call(`http://127.0.0.1:${port}/`)).outcome === 200, {
        describe: () => `port ${port} to answer:\n${program.output()}`,
      });
}

test(
  'many agents of two users start, hot-restart and stop together, and leave nothing behind',
  async () => {
    const others = join(mesh.home, 'others');
    await mkdir(others);
    if (mayBeOthers) {
      chownSync(others, NOBODY, NOBODY);
      await mesh.shell.ok(`chmod 711 ${mesh.home}`);
    }
    const agents = await timed('start until all are ready', async () => {
      const all = await Promise.all(Array.from({ length: COUNT }, (_, i) => start(i)));
      await Promise.all(all.map(({ program }) => program.waitForLine(READY, { timeoutMs: TIMEOUT_MS })));
      return all;
    });
    await allAnswer(agents);
    for (const { program } of agents) expect(program.output()).not.toContain('is held back');

    const before = [];
    for (const agent of agents) before.push(await statusOf(agent));
    const agentPids = before.map(({ agentPid }) => agentPid);
    console.log(
      `${COUNT} agents, memory (PSS): agents ${memoryOf(agentPids)} MB, Envoys ${memoryOf(before.map(({ pid }) => pid))} MB`,
    );
    const shared = agents.map(
      ({ runDir, name }) =>
        (
          JSON.parse(readFileSync(join(runDir, `${MESH}.${name}`, 'hot-restart.json'), 'utf8')) as {
            sharedMemory: string;
          }
        ).sharedMemory,
    );
    expect(new Set(shared).size).toBe(COUNT);

    await timed('hot restart of all', async () => {
      for (const { program } of agents) program.signal('SIGHUP');
      await Promise.all(
        agents.map(({ program }) => program.waitForLine('the new Envoy serves', { timeoutMs: TIMEOUT_MS })),
      );
    });
    console.log(
      `${COUNT} agents, memory while two Envoys live beside each: ${memoryOf(processesOf(agents))} MB of Envoys`,
    );
    for (const agent of agents)
      expect(await statusOf(agent), agent.program.output()).toMatchObject({ state: 'ready', epoch: 1 });
    await allAnswer(agents);

    await timed('stop of all', async () => {
      const exits = await Promise.all(agents.map(({ program }) => program.stop({ timeoutMs: TIMEOUT_MS })));
      expect(exits).toEqual(agents.map(() => ({ code: 0, signal: null })));
    });
    expect(shared.filter((file) => existsSync(file))).toEqual([]);
    expect(agents.map(({ runDir }) => runDir).filter((dir) => existsSync(dir))).toEqual([]);
    expect(processesOf(agents)).toEqual([]);
    expect(socketsLeft()).toEqual([]);
  },
  TIMEOUT_MS * 3,
);
