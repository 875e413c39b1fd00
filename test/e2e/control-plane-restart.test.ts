import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitUntil } from '../support/processes.ts';
import { startLoad } from './support/load.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';
import { adminPage, CLIENT, REVIEWS, REVIEWS_URL, startReviews } from './support/reviews.ts';

let mesh: TestMesh;

beforeAll(async () => {
  mesh = await createTestMesh();
  await startReviews(mesh);
});

afterAll(() => mesh.close());

/** Everything Envoy counts when its configuration changes. */
async function configurationCounters(): Promise<string> {
  return adminPage(
    mesh,
    '/stats?filter=(cluster_manager.cluster_(added|modified|removed)|listener_manager.listener_(added|modified|removed)|version$)',
  );
}

async function killControlPlane(): Promise<void> {
  mesh.programs.get('kuma-cp')?.signal('SIGKILL');
  await mesh.programs.get('kuma-cp')?.exited;
}

test('a control plane that is killed and started again is noticed by no request and changes no configuration', async () => {
  const before = await configurationCounters();
  const load = startLoad(REVIEWS_URL);
  await killControlPlane();
  await waitUntil(() => load.calls > 100);
  await mesh.startControlPlane();
  const all = [...REVIEWS.map((r) => r.name), CLIENT];
  await waitUntil(async () => {
    const statuses = await mesh.statuses();
    return all.every((name) => statuses.get(name) === 'Online');
  });
  await load.end();
  expect(load.failures).toEqual([]);
  expect(await configurationCounters()).toBe(before);
});

test('a change made after the restart reaches the proxies that reconnected', async () => {
  const { stderr } = await mesh.apply(
    'type: TrafficRoute\nmesh: bookinfo\nname: r\nsources: [{match: {kuma.io/service: "*"}}]\ndestinations: [{match: {kuma.io/service: reviews}}]\nconf: {destination: {kuma.io/service: reviews, version: v1}}',
  );
  expect(stderr).toBe('');
  await waitUntil(async () => (await adminPage(mesh, '/clusters')).includes('reviews-'));
});

test('fifty kills in the middle of writes lose no write that was acknowledged', async () => {
  const acknowledged = new Map<string, string>();
  let writes = 0;
  for (let round = 0; round < 50; round++) {
    let killed = false;
    const writer = (async () => {
      while (!killed) {
        const name = `w${writes++ % 20}`;
        const value = `v${writes}`;
        const body = JSON.stringify({ type: 'Mesh', name, labels: { value } });
        const answer = await fetch(`http://localhost:5681/meshes/${name}`, { method: 'PUT', body }).catch(
          () => undefined,
        );
        if (answer?.ok) acknowledged.set(name, value);
      }
    })();
    const acknowledgedBefore = acknowledged.size;
    await waitUntil(
      () => acknowledged.size > 0 && writes > round * 3 + 3 && acknowledged.size >= acknowledgedBefore,
    );
    await killControlPlane();
    killed = true;
    await writer;
    await mesh.startControlPlane();
    const stored = (await (await fetch('http://localhost:5681/meshes?size=1000')).json()) as {
      items: { name: string; labels?: Record<string, string> }[];
    };
    const values = new Map(stored.items.map((item) => [item.name, item.labels?.value]));
    for (const [name, value] of acknowledged) {
      // A write under way at the kill may have been stored without its answer: never an older one.
      expect(Number(values.get(name)?.slice(1) ?? -1)).toBeGreaterThanOrEqual(Number(value.slice(1)));
    }
  }
  expect(writes).toBeGreaterThan(150);
}, 300_000);

test('the store is a write-ahead log that only its owner can read', async () => {
  const path = `${mesh.home}/.kuma/kuma.db`;
  expect(await mesh.shell.ok(`stat -c %a ${path}`)).toBe('600\n');
  await mesh.programs.get('kuma-cp')?.stop();
  const db = new DatabaseSync(path, { readOnly: true });
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  db.close();
});

test('a second control plane on the same store says so and ends', async () => {
  await mesh.startControlPlane();
  const elsewhere = Object.entries({ HTTP: 1, HTTPS: 2 }).map(
    ([k, n]) => `KUMA_API_SERVER_${k}_PORT=${15680 + n}`,
  );
  const second = await mesh.shell.run(
    `env ${elsewhere.join(' ')} KUMA_DP_SERVER_PORT=15678 KUMA_DIAGNOSTICS_SERVER_PORT=15680 KUMA_BOOTSTRAP_SERVER_PORT=15682 kuma-cp run`,
  );
  expect(second.code).toBe(1);
  expect(second.stderr).toContain('kuma.db');
  expect(second.stderr).toMatch(/another|in use|locked/i);
});

test('a port that is taken is named with the setting that moves it', async () => {
  await mesh.programs.get('kuma-cp')?.stop();
  const squatter = createServer().listen(5681, '127.0.0.1');
  await new Promise((resolve) => squatter.once('listening', resolve));
  const { code, stderr } = await mesh.shell.run('kuma-cp run');
  squatter.close();
  expect(code).toBe(1);
  expect(stderr).toContain('127.0.0.1:5681');
  expect(stderr).toContain('KUMA_API_SERVER_HTTP_PORT');
});
