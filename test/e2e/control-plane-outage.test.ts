import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificates } from '../integration/dp/support/certificates.ts';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { startTraffic } from '../support/traffic.ts';
import { type BadRoad, openRoad, type Trouble } from './support/bad-road.ts';
import { call } from './support/calls.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';
import { killControlPlane, startWebService, WEB_PORT, webDataplane } from './support/web.ts';

const FULL = process.env.FULL === '1';
const TROUBLE_MS = FULL ? 30_000 : 4_000;
const DEATH_MS = FULL ? 190_000 : 4_000;
/** Of one core. An agent whose control plane is well uses next to nothing; one that was just started, in a short test, more. */
const MAX_CPU = FULL ? 0.15 : 0.5;
const KINDS = ['keep-alive', 'slow', 'new connection', 'http2'];
/** Tries of stream and bootstrap together, in a second. */
const MAX_TRIES = 6;
const XDS_ROAD = 15_204;
const BOOTSTRAP_ROAD = 15_205;
const ENV = { KUMA_BOOTSTRAP_SERVER_PARAMS_XDS_PORT: String(XDS_ROAD) };

let mesh: TestMesh;
let agent: RunningProgram;
let roads: readonly BadRoad[];
let endService: () => Promise<void>;
/** Each change of the control plane's opens one more port. */
let ports = [WEB_PORT];

beforeAll(async () => {
  mesh = await createTestMesh();
  endService = await startWebService();
  await mesh.startControlPlane(ENV);
  await mesh.apply('type: Mesh\nname: bookinfo');
  await mesh.apply(webDataplane(...ports));
  roads = [await openRoad(XDS_ROAD, 5678), await openRoad(BOOTSTRAP_ROAD, 5682)];
  agent = await mesh.startProxy('web', `--cp-address http://127.0.0.1:${BOOTSTRAP_ROAD}`);
});

afterAll(async () => {
  await mesh.close();
  for (const road of roads) road.close();
  await endService();
});

const become = (trouble: Trouble) => Promise.all(roads.map((road) => road.become(trouble)));
const serves = async (port: number) => (await call(`http://127.0.0.1:${port}/`)).outcome === 200;
const listeners = () =>
  mesh.shell.ok(`curl -sf --unix-socket "$(echo "$HOME"/run/*/admin.sock)" http://localhost/listeners`);

async function status() {
  return JSON.parse(await mesh.shell.ok('kuma-dp status web -o json')) as {
    readonly state: string;
    readonly pid: number;
    readonly epoch: number;
    readonly restarts: number;
  };
}

/** Of the agent alone since its start, in s. */
function cpuSeconds(): number {
  const stat = readFileSync(`/proc/${agent.pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** A change at the control plane, which the proxy is yet to hear of. */
async function change(): Promise<number> {
  const port = WEB_PORT + ports.length;
  ports = [...ports, port];
  await mesh.apply(webDataplane(...ports));
  return port;
}

const TROUBLES: readonly (readonly [string, () => Trouble | Promise<Trouble>])[] = [
  ['never answers', () => ({ kind: 'silent' })],
  ['closes every 100 ms', () => ({ kind: 'short', afterMs: 100 })],
  ['answers garbage', () => ({ kind: 'garbage', bytes: randomBytes(4_096) })],
  ['answers by halves', () => ({ kind: 'half', stepBytes: 311, maxBytes: 9_000 })],
  [
    'has another certificate',
    async () => ({ kind: 'stranger', ...(await makeCertificates()).localhost }) as const,
  ],
  ['is dead', () => ({ kind: 'dead' })],
];

for (const [name, make] of TROUBLES) {
  const forMs = name === 'is dead' ? DEATH_MS : TROUBLE_MS;
  test(`while the control plane ${name} no request fails, little is spent, and its changes arrive afterwards`, {
    timeout: forMs + 120_000,
  }, async () => {
    const trouble = await make();
    const before = { ...(await status()), listeners: await listeners(), cpu: cpuSeconds() };
    const traffic = startTraffic({ httpPort: WEB_PORT, share: 0.5 });
    const lines = agent.output().split('\n').length;
    const from = performance.now();
    if (trouble.kind === 'dead') await killControlPlane(mesh);
    await become(trouble);
    // A control plane that is there is changed while nobody hears it.
    const early = trouble.kind === 'dead' ? undefined : await change();
    await sleep(from + forMs - performance.now());
    const seconds = (performance.now() - from) / 1_000;
    const cpu = (cpuSeconds() - before.cpu) / seconds;
    const tries = roads.reduce((sum, { connections }) => sum + connections, 0) / seconds;
    const logged = agent.output().split('\n').length - lines;
    // Half of an answer may be enough.
    if (trouble.kind !== 'half') expect(await listeners()).toBe(before.listeners);
    if (trouble.kind === 'dead') await mesh.startControlPlane(ENV);
    const port = early ?? (await change());
    const back = performance.now();
    await become({ kind: 'none' });
    await waitUntil(() => serves(port), { timeoutMs: 60_000, describe: () => agent.output().slice(-5_000) });
    const arrivedMs = Math.round(performance.now() - back);
    await waitUntil(() => KINDS.every((kind) => (traffic.done[kind] ?? 0) > 20), {
      describe: () => `more than 20 answers of each kind: ${JSON.stringify(traffic.done)}`,
    });
    await traffic.end();
    console.log(
      `${name}, ${Math.round(seconds)} s: ${JSON.stringify({ cpu: cpu.toFixed(3), tries: tries.toFixed(1), logged, arrivedMs, ...traffic.done })}`,
    );
    // With their times, which tell a moment from a state.
    expect(traffic.failed, `from ${from}:\n${agent.output().slice(-5_000)}`).toEqual([]);
    expect(cpu).toBeLessThan(MAX_CPU);
    expect(tries).toBeLessThan(MAX_TRIES);
    expect(logged).toBeLessThan(20 + seconds);
    const { state, pid, epoch, restarts } = await status();
    expect({ state, pid, epoch, restarts }).toMatchObject({
      ...{ state: 'ready', pid: before.pid, epoch: before.epoch, restarts: before.restarts },
    });
  });
}
