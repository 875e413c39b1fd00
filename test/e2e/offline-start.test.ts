import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { call } from './support/calls.ts';
import { startLoad } from './support/load.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';
import {
  killControlPlane,
  readiness,
  startWebService,
  WEB_PORT,
  WEB_URL,
  webDataplane,
} from './support/web.ts';

const GRACE_S = 2;
const LATER_PORT = 15_003;
let mesh: TestMesh;
let agent: RunningProgram;
let endService: () => Promise<void>;

const stateDir = () => join(mesh.home, 'state', 'bookinfo.web');
const files = () => (existsSync(stateDir()) ? readdirSync(stateDir()) : []);
const generations = () => files().filter((name) => name.startsWith('generation-'));
const serves = async (url = WEB_URL) => (await call(url)).outcome === 200;

beforeAll(async () => {
  mesh = await createTestMesh();
  endService = await startWebService();
  await mesh.startControlPlane();
  await mesh.apply('type: Mesh\nname: bookinfo');
  await mesh.apply(webDataplane(WEB_PORT));
  agent = await mesh.startProxy('web');
});

afterAll(async () => {
  await mesh.close();
  await endService();
});

function startAgent(args = ''): Promise<RunningProgram> {
  return mesh.startProxy('web', `--cp-grace ${GRACE_S}s ${args}`);
}

describe('a host that boots while the control plane is dead', () => {
  test('has what its Envoy served with for ten seconds on disk, for its owner alone and without Envoy or agent needing it', async () => {
    await waitUntil(() => files().includes('bootstrap') && generations().length > 0, { timeoutMs: 30_000 });
    for (const name of files())
      expect(readFileSync(join(stateDir(), name)).includes('authorization')).toBe(false);
  });

  test('serves soon after the grace, and says everywhere that it is stale', async () => {
    await agent.stop();
    await killControlPlane(mesh);
    expect((await call(WEB_URL)).outcome).toBe('ECONNREFUSED');
    const before = performance.now();
    agent = await startAgent();
    await waitUntil(() => serves());
    // Without saved state it would ask for minutes.
    expect(performance.now() - before).toBeLessThan(GRACE_S * 1_000 + 15_000);
    const ready = await readiness(agent);
    expect(ready.outcome).toBe(200);
    expect(ready.body).toMatch(/^READY\nSTALE: serving the last known good configuration of 20\d\d-/);
    expect(agent.output()).toMatch(/control plane cannot be reached: starting with the last known good/);
  });

  test('an Envoy that dies meanwhile is back with all of it', async () => {
    const envoy = () => Number(/.* starting .*pid=(\d+)/.exec(agent.output().slice(seen))?.[1] ?? 0);
    let seen = 0;
    const pid = envoy();
    seen = agent.output().length;
    process.kill(pid, 'SIGKILL');
    await waitUntil(async () => envoy() > 0 && (await serves()));
  });

  test('takes up what the control plane says once it is back, without a failed request', async () => {
    const load = startLoad(WEB_URL);
    await mesh.startControlPlane();
    await waitUntil(async () => !(await readiness(agent)).body.includes('STALE'), { timeoutMs: 30_000 });
    await waitUntil(async () => (await mesh.statuses()).get('web') === 'Online');
    await mesh.apply(webDataplane(WEB_PORT, LATER_PORT));
    await waitUntil(() => serves(`http://127.0.0.1:${LATER_PORT}/`));
    await load.end();
    expect(load.failures).toEqual([]);
    expect(load.calls).toBeGreaterThan(50);
    expect(agent.output()).toContain('the configuration is fresh');
    // The control plane's bootstrap is the one that was saved: nothing had to be started anew for it.
    expect(agent.output()).not.toContain('handing-over');
  });
});

describe('a saved file that was damaged', () => {
  test('is refused with a line, and the generation before it serves', async () => {
    await waitUntil(() => generations().length === 2, { timeoutMs: 30_000 });
    await agent.stop();
    await killControlPlane(mesh);
    const newest = generations().sort().at(-1) ?? '';
    const bytes = readFileSync(join(stateDir(), newest));
    bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
    writeFileSync(join(stateDir(), newest), bytes);
    agent = await startAgent();
    expect(agent.output()).toMatch(new RegExp(`saved state is not used: .*${newest} is damaged`));
    await waitUntil(() => serves());
    // The new port came with the generation that was lost.
    expect((await call(`http://127.0.0.1:${LATER_PORT}/`)).outcome).toBe('ECONNREFUSED');
  });

  test('that leaves no bootstrap makes the start wait for the control plane, as without state', async () => {
    await agent.stop();
    writeFileSync(join(stateDir(), 'bootstrap'), 'half a ', { mode: 0o600 });
    const waiting = mesh.shell.start('kuma-dp run --cp-grace 500ms', {
      KUMA_DATAPLANE_NAME: 'web',
      KUMA_CONTROL_PLANE_RETRY_MAX_DURATION: '3s',
    });
    expect(await waiting.exited).toMatchObject({ code: 10 });
    expect(waiting.output()).toMatch(/bootstrap is no state of kuma-dp/);
  });
});
