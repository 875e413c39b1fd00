import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitUntil } from '../support/processes.ts';
import { tally } from './support/calls.ts';
import { startLoad } from './support/load.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';
import { endpointsOfReviews, REVIEWS, REVIEWS_URL, startReviews, versionOf } from './support/reviews.ts';

let mesh: TestMesh;
const [v1, v2, v3] = REVIEWS as [(typeof REVIEWS)[0], (typeof REVIEWS)[0], (typeof REVIEWS)[0]];

beforeAll(async () => {
  mesh = await createTestMesh();
  const lifecycle = {
    KUMA_DP_SERVER_LIFECYCLE_GRACE_AFTER_STREAM_LOSS: '1s',
    KUMA_DP_SERVER_LIFECYCLE_LEASE: '4s',
  };
  await startReviews(mesh, { controlPlane: lifecycle });
});

afterAll(() => mesh.close());

const seen = () => tally(REVIEWS_URL, 120, versionOf);
const allServe = async () =>
  Object.keys(await seen())
    .sort()
    .join() === 'v1,v2,v3';

describe('a service that stops behind its running proxy', () => {
  test('costs only the calls that go to it', async () => {
    await mesh.programs.get(`service ${v2.name}`)?.stop();
    const counts = await seen();
    expect(counts.v2).toBeUndefined();
    expect(counts.failed).toBeGreaterThan(10);
    expect(counts.failed).toBeLessThan(70);
    expect((counts.v1 ?? 0) + (counts.v3 ?? 0) + (counts.failed ?? 0)).toBe(120);
  });

  test('costs nothing once its proxy has announced its leave, and the proxy shows offline', async () => {
    const stopped = mesh.programs.get(v2.name)?.stop();
    await waitUntil(async () => !(await endpointsOfReviews(mesh)).has(`127.0.0.1:${v2.port + 1}`));
    const counts = await seen();
    expect(counts.failed).toBeUndefined();
    expect(await stopped).toEqual({ code: 0, signal: null });
    await waitUntil(async () => (await mesh.statuses()).get(v2.name) === 'Offline');
  });

  test('serves again when both are back, without a restart of anything else', async () => {
    await mesh.startService(v2, { ENABLE_RATINGS: 'false' });
    await mesh.startProxy(v2.name);
    await waitUntil(allServe);
    expect((await mesh.statuses()).get(v2.name)).toBe('Online');
  });
});

test('a proxy that is stopped under load loses no request', async () => {
  const load = startLoad(REVIEWS_URL);
  expect(await mesh.programs.get(v3.name)?.stop()).toEqual({ code: 0, signal: null });
  await load.end();
  expect(load.failures).toEqual([]);
  expect(load.calls).toBeGreaterThan(50);
  await mesh.startProxy(v3.name);
  await waitUntil(allServe);
});

describe('a proxy that dies with its agent', () => {
  test('is avoided after the grace and out when its lease is over', async () => {
    mesh.programs.get(v1.name)?.signal('SIGKILL');
    // Degraded: still known, but others are preferred, so nothing fails.
    await waitUntil(async () => (await seen()).failed === undefined);
    await waitUntil(async () => !(await endpointsOfReviews(mesh)).has(`127.0.0.1:${v1.port + 1}`));
    expect((await mesh.statuses()).get(v1.name)).toBe('Offline');
  });

  test('comes back under its name at once', async () => {
    await mesh.startProxy(v1.name);
    await waitUntil(allServe);
    expect((await mesh.statuses()).get(v1.name)).toBe('Online');
  });
});

describe('a Dataplane that its agent brings', () => {
  const file = 'details.yaml';
  const yaml = `type: Dataplane
mesh: bookinfo
name: "{{ name }}"
networking:
  address: 127.0.0.1
  inbound:
  - port: 10101
    servicePort: 10100
    tags: {kuma.io/service: details}`;
  const names = async () => [...(await mesh.statuses()).keys()];

  test('appears with it, under the values given on the command line, and goes when it announces its leave', async () => {
    await mesh.shell.ok(`cat > $HOME/${file} <<'DOCUMENT'\n${yaml}\nDOCUMENT`);
    const agent = await mesh.startProxy('', `--dataplane-file ${mesh.home}/${file} -v name=details-brought`, {
      KUMA_DATAPLANE_NAME: '',
      KUMA_DATAPLANE_MESH: '',
    });
    expect(await names()).toContain('details-brought');
    expect((await mesh.statuses()).get('details-brought')).toBe('Online');
    await agent.stop();
    await waitUntil(async () => !(await names()).includes('details-brought'));
  });
});
