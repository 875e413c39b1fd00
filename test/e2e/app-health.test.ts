import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { tally } from './support/calls.ts';
import { startLoad } from './support/load.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';
import { endpointsOfReviews, REVIEWS, REVIEWS_URL, startReviews, versionOf } from './support/reviews.ts';
import { killControlPlane, readiness } from './support/web.ts';

const [, , v3] = REVIEWS as [(typeof REVIEWS)[0], (typeof REVIEWS)[0], (typeof REVIEWS)[0]];
const ENDPOINT = `127.0.0.1:${v3.port + 1}`;
const CHECK = `--app-health http://127.0.0.1:${v3.port}/health --app-health-interval 200ms --app-health-timeout 20s --app-health-unhealthy-threshold 2`;
let mesh: TestMesh;
let agent: RunningProgram;

beforeAll(async () => {
  mesh = await createTestMesh();
  await startReviews(mesh);
  await mesh.programs.get(v3.name)?.stop();
  agent = await mesh.startProxy(v3.name, CHECK);
});

afterAll(() => mesh.close());

const isIn = async () => (await endpointsOfReviews(mesh)).has(ENDPOINT);
const stopService = () => mesh.programs.get(`service ${v3.name}`)?.stop();
const startService = () => mesh.startService(v3, { ENABLE_RATINGS: 'false' });
const inspect = () => mesh.shell.ok('kumactl inspect dataplanes -m bookinfo');

describe('an application that dies behind its running proxy', () => {
  test('is in while it is well', async () => {
    await waitUntil(isIn);
    expect((await readiness(agent)).body).toBe('READY\n');
    expect((await mesh.statuses()).get(v3.name)).toBe('Online');
  });

  test('is out of the endpoints of the others, and shown with the reason', async () => {
    await stopService();
    await waitUntil(async () => !(await isIn()));
    expect((await tally(REVIEWS_URL, 60, versionOf)).failed).toBeUndefined();
    const ready = await readiness(agent);
    expect(ready.outcome).toBe(503);
    expect(ready.body).toMatch(/^APPLICATION NOT HEALTHY: .*ECONNREFUSED/);
    await waitUntil(async () => (await mesh.statuses()).get(v3.name) === 'Offline');
    expect(await inspect()).toMatch(new RegExp(`inbound\\[port=${v3.port + 1},svc=reviews\\] is not ready`));
  });

  test('stays out over the death of the control plane and a lost stream', async () => {
    await killControlPlane(mesh);
    await mesh.startControlPlane();
    await waitUntil(async () => /productpage\S*.*Online/.test(await inspect()));
    // Killed at a bad moment, the control plane has to hear it again.
    await waitUntil(async () => !(await isIn()));
    await waitUntil(async () => (await mesh.statuses()).get(v3.name) === 'Offline');
  });

  test('is back when it is well again, without a failed call', async () => {
    const load = startLoad(REVIEWS_URL);
    await startService();
    await waitUntil(isIn);
    await waitUntil(async () => (await readiness(agent)).outcome === 200);
    await waitUntil(async () => (await mesh.statuses()).get(v3.name) === 'Online');
    await load.end();
    expect(load.failures).toEqual([]);
    expect(Object.keys(await tally(REVIEWS_URL, 120, versionOf)).sort()).toEqual(['v1', 'v2', 'v3']);
  });
});

describe('an application that is not up yet', () => {
  test('keeps its proxy from being ready and out of the endpoints of the others', async () => {
    await agent.stop();
    await stopService();
    agent = await mesh.startProxy(v3.name, CHECK);
    const ready = await readiness(agent);
    expect(ready.outcome).toBe(503);
    expect(ready.body).toMatch(/^APPLICATION NOT READY: /);
    await waitUntil(async () => !(await isIn()));
    await startService();
    await waitUntil(isIn);
    await waitUntil(async () => (await readiness(agent)).outcome === 200);
  });
});

test('an agent without an eye on its application takes back what the one before it said', async () => {
  await stopService();
  await waitUntil(async () => !(await isIn()));
  await agent.stop();
  await startService();
  agent = await mesh.startProxy(v3.name);
  await waitUntil(isIn);
  expect((await mesh.statuses()).get(v3.name)).toBe('Online');
});
