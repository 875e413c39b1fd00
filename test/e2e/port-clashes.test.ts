import { chownSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
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

/** The port both want, as inbound or as outbound. */
const CONTESTED = 15_001;
const SERVICE = 15_101;
const NOBODY = 65_534;
const AS_NOBODY = `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups`;
const ROUNDS = process.env.FULL === '1' ? 10 : 3;

const runsAsNobody = `${AS_NOBODY} sh -c 'cat ${builtProgram('kuma-dp')} && ${envoyBinary()} --version'`;
const mayBeOthers = process.getuid?.() === 0 && (await runProgram('bash', ['-c', runsAsNobody])).code === 0;
if (!mayBeOthers) console.warn('SKIPPED: no program of this clone can be run as another user here');

let mesh: TestMesh;
let closeService: () => void;
const agents: RunningProgram[] = [];

beforeAll(async () => {
  mesh = await createTestMesh();
  closeService = await startHttpService(SERVICE);
  await mesh.startControlPlane();
  await mesh.apply(`type: Mesh\nname: ${MESH}`);
});

afterAll(async () => {
  await mesh.close();
  closeService();
});

afterEach(async () => {
  for (const agent of agents.splice(0)) expect((await agent.stop()).code, agent.output()).toBe(0);
});

interface Ports {
  readonly inbounds: readonly number[];
  readonly outbounds?: readonly number[];
}

function apply(name: string, { inbounds, outbounds = [] }: Ports): Promise<unknown> {
  const lines = [
    ...[
      'type: Dataplane',
      `mesh: ${MESH}`,
      `name: ${name}`,
      'networking:',
      '  address: 127.0.0.1',
      '  inbound:',
    ],
    ...inbounds.flatMap((port) => [
      `  - port: ${port}`,
      `    servicePort: ${SERVICE}`,
      `    tags: {kuma.io/service: ${name}-${port}, kuma.io/protocol: http}`,
    ]),
    ...(outbounds.length === 0 ? [] : ['  outbound:']),
    ...outbounds.flatMap((port) => [`  - port: ${port}`, `    tags: {kuma.io/service: ${name}}`]),
  ];
  return mesh.apply(lines.join('\n'));
}

function start(name: string, prefix = '', env: Record<string, string> = {}): RunningProgram {
  const agent = mesh.shell.start(`${prefix} kuma-dp run --drain-time 1s`, {
    KUMA_DATAPLANE_NAME: name,
    ...env,
  });
  agents.push(agent);
  return agent;
}

interface Status {
  readonly state: string;
  readonly reason: string;
  readonly pid: number;
  readonly restarts: number;
  readonly readinessPort: number;
}

const status = async (name: string) =>
  JSON.parse(await mesh.shell.ok(`kuma-dp status ${name} -o json`)) as Status;

const until = (name: string, isRight: (status: Status) => boolean) =>
  waitUntil(
    async () => {
      const now = await status(name);
      return isRight(now) ? now : undefined;
    },
    {
      describe: () =>
        `another status of ${name}; the agents said:\n${agents.map((a) => a.output()).join('\n')}`,
    },
  );

/** Until the holder of the port is told; one that is slow to introduce itself is asked again. */
async function untilTakenBy(name: string, holder: string): Promise<string> {
  const { reason } = await until(name, (now) => now.reason.includes(holder));
  return reason;
}

/** What the metrics say. */
async function heldBack(name: string): Promise<number> {
  const { readinessPort } = await status(name);
  const page = await mesh.shell.ok(`curl -sf localhost:${readinessPort}/metrics`);
  return Number(/^kuma_dp_listeners_held_back\{.*\} (\d+)$/m.exec(page)?.[1]);
}

/** What the control plane knows of the proxy. */
const overviewOf = (name: string) =>
  mesh.shell.ok(`curl -sf localhost:5681/meshes/${MESH}/dataplanes/${name}/_overview`);

/** A program of the same user that shares its port with everybody, as an Envoy would without a word. */
async function startSharingProgram(port: number): Promise<RunningProgram> {
  const python = `import socket,time
s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("127.0.0.1",${port})); s.listen(); print("listening", flush=True); time.sleep(600)`;
  const program = mesh.shell.start(`python3 -c '${python}'`);
  await program.waitForLine('listening');
  return program;
}

const answers = (port: number) =>
  waitUntil(async () => (await call(`http://127.0.0.1:${port}/`)).outcome === 200);

describe('a proxy whose port somebody else has', () => {
  test('is not ready and names the other proxy, serves the rest, and the port once it is free', async () => {
    await apply('first', { inbounds: [CONTESTED] });
    await apply('second', { inbounds: [CONTESTED, CONTESTED + 1] });
    const first = start('first');
    await first.waitForLine(READY);
    const second = start('second');
    const reason = await untilTakenBy('second', 'proxy first (mesh bookinfo)');
    expect(reason).toContain(`tcp 127.0.0.1:${CONTESTED} is taken by`);
    await answers(CONTESTED + 1);
    expect((await status('second')).state).toBe('starting');
    expect((await status('first')).state).toBe('ready');
    await waitUntil(async () => (await overviewOf('second')).includes('is taken by'));
    await first.stop();
    await until('second', ({ state }) => state === 'ready');
    await answers(CONTESTED);
    expect(await status('second')).toMatchObject({ restarts: 0, reason: '' });
    expect(second.output().match(/is held back/g)?.length).toBeLessThan(4);
    await waitUntil(async () => !(await overviewOf('second')).includes('is taken by'));
  });

  test('is told that its own application is in the way', async () => {
    await apply('own', { inbounds: [CONTESTED] });
    const application = await startSharingProgram(CONTESTED);
    start('own');
    const { reason } = await until('own', ({ reason }) => reason.includes('is taken'));
    expect(reason).toContain(`taken by process ${application.pid} (python3 -c`);
    expect(reason).toContain('an application must not listen where its own proxy does');
    await application.stop();
    await until('own', ({ state }) => state === 'ready');
    await answers(CONTESTED);
  });

  test('that was ready is degraded for a new port only, also over a restart and a crash of Envoy', async () => {
    await apply('grown', { inbounds: [CONTESTED + 1] });
    const program = await startSharingProgram(CONTESTED);
    await start('grown').waitForLine(READY);
    await apply('grown', { inbounds: [CONTESTED + 1, CONTESTED] });
    const { pid, reason } = await until('grown', ({ state }) => state === 'degraded');
    expect(reason).toContain(`tcp 127.0.0.1:${CONTESTED} is taken by process ${program.pid}`);
    expect(await heldBack('grown')).toBe(1);
    await mesh.shell.ok('kuma-dp restart grown');
    const handedOver = await until('grown', (now) => now.state === 'degraded' && now.pid !== pid);
    await mesh.shell.ok(`kill -9 ${handedOver.pid}`);
    await until('grown', (now) => now.state === 'degraded' && now.restarts === 1);
    await answers(CONTESTED + 1);
    await program.stop();
    await until('grown', ({ state }) => state === 'ready');
    await answers(CONTESTED);
    expect(await heldBack('grown')).toBe(0);
  });

  test('keeps it when it was there first: over a hand-over and over a crash of its Envoy', async () => {
    await apply('first', { inbounds: [CONTESTED] });
    await apply('second', { inbounds: [CONTESTED] });
    await start('first').waitForLine(READY);
    start('second');
    await until('second', ({ reason }) => reason.includes('is taken'));
    await mesh.shell.ok('kuma-dp restart first');
    const { pid } = await until('first', ({ state }) => state === 'ready');
    await mesh.shell.ok(`kill -9 ${pid}`);
    await until('first', ({ state, restarts }) => state === 'ready' && restarts === 1);
    await answers(CONTESTED);
    expect((await status('second')).state).toBe('starting');
  });

  test('gets it back from a predecessor that was killed', async () => {
    await apply('killed', { inbounds: [CONTESTED] });
    const before = start('killed');
    await before.waitForLine(READY);
    before.signal('SIGKILL');
    await before.exited;
    agents.length = 0;
    await start('killed').waitForLine(READY);
    await answers(CONTESTED);
  });
});

describe('two proxies that want one port', () => {
  test('as an outbound: only one of them has it, and the other says which', async () => {
    await apply('caller-a', { inbounds: [CONTESTED + 1], outbounds: [CONTESTED] });
    await apply('caller-b', { inbounds: [CONTESTED + 2], outbounds: [CONTESTED] });
    await start('caller-a').waitForLine(READY);
    start('caller-b');
    const reason = await untilTakenBy('caller-b', 'the proxy caller-a (mesh bookinfo)');
    expect(reason).not.toContain('an application must not');
  });

  test('in the same instant: exactly one has it, each time', async () => {
    await apply('left', { inbounds: [CONTESTED] });
    await apply('right', { inbounds: [CONTESTED] });
    for (let round = 0; round < ROUNDS; round++) {
      const both = [start('left'), start('right')];
      const states = await waitUntil(async () => {
        const now = await Promise.all([status('left'), status('right')].map((s) => s.catch(() => undefined)));
        const settled = now.every((s) => s?.state === 'ready' || s?.reason.includes('is taken') === true);
        return settled ? now.map((s) => s?.state) : undefined;
      });
      expect(states.toSorted(), `round ${round}`).toEqual(['ready', 'starting']);
      for (const agent of both) expect((await agent.stop()).code).toBe(0);
      agents.length = 0;
    }
  });

  test.skipIf(!mayBeOthers)('as two users: the other is named all the same', async () => {
    await apply('mine', { inbounds: [CONTESTED] });
    await apply('theirs', { inbounds: [CONTESTED] });
    const home = await mkdtemp(join(tmpdir(), 'other-user-'));
    chownSync(home, NOBODY, NOBODY);
    try {
      const env = {
        HOME: home,
        STATE_DIRECTORY: `${home}/state`,
        KUMA_DATAPLANE_RUNTIME_RUN_DIR: `${home}/run`,
      };
      await start('theirs', AS_NOBODY, env).waitForLine(READY);
      start('mine');
      await untilTakenBy('mine', 'the proxy theirs (mesh bookinfo)');
    } finally {
      for (const agent of agents.splice(0)) await agent.stop();
      await rm(home, { recursive: true, force: true });
    }
  });
});
