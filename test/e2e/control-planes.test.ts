import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { call } from './support/calls.ts';
import { startLoad } from './support/load.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';

/** Two control planes that know nothing of each other, with stores in memory and the same documents. */
interface Plane {
  readonly url: string;
  readonly rest: string;
  start(): Promise<void>;
  program(): RunningProgram;
}

const INBOUND = 15_001;
const SECOND = 15_002;
const SERVICE = 15_101;
const URL_OF_PROXY = `http://127.0.0.1:${INBOUND}/`;
const otherHome = mkdtempSync(join(tmpdir(), 'second-'));
const service = createServer((_request, response) => response.end('ok\n'));
let mesh: TestMesh;
let planes: readonly Plane[];

beforeAll(async () => {
  mesh = await createTestMesh();
  await new Promise<void>((resolve) => service.listen(SERVICE, '127.0.0.1', resolve));
  planes = [plane(5_000, mesh.home), plane(25_000, otherHome)];
  for (const { start } of planes) await start();
  for (const one of planes) await fill(one, [INBOUND]);
  const addresses = planes.map(({ url }) => url).join(',');
  await mesh.startProxy('web', `--cp-address ${addresses} --cp-return-after 2s`, {
    KUMA_DATAPLANE_MESH: 'default',
  });
});

afterAll(async () => {
  await mesh.close();
  service.close();
  service.closeAllConnections();
  rmSync(otherHome, { recursive: true, force: true });
});

function plane(base: number, home: string): Plane {
  const port = (of: number) => String(base + of);
  let program: RunningProgram | undefined;
  return {
    url: `http://127.0.0.1:${port(682)}`,
    rest: `http://127.0.0.1:${port(681)}`,
    program() {
      if (program === undefined) throw new Error('not started');
      return program;
    },
    async start() {
      program = mesh.shell.start('kuma-cp run', {
        HOME: home,
        KUMA_STORE_TYPE: 'memory',
        KUMA_API_SERVER_HTTP_PORT: port(681),
        KUMA_API_SERVER_HTTPS_ENABLED: 'false',
        KUMA_DP_SERVER_PORT: port(678),
        KUMA_DIAGNOSTICS_SERVER_PORT: port(680),
        KUMA_BOOTSTRAP_SERVER_PORT: port(682),
      });
      await waitUntil(
        async () => (await mesh.shell.run(`curl -sf http://127.0.0.1:${port(680)}/ready`)).code === 0,
        { describe: () => `kuma-cp at ${port(680)}:\n${program?.output()}` },
      );
    },
  };
}

async function fill({ rest }: Plane, ports: readonly number[]): Promise<void> {
  const inbound = ports.map((port) => ({
    port,
    servicePort: SERVICE,
    tags: { 'kuma.io/service': 'web', 'kuma.io/protocol': 'http' },
  }));
  const dataplane = {
    type: 'Dataplane',
    mesh: 'default',
    name: 'web',
    networking: { address: '127.0.0.1', inbound },
  };
  await put(`${rest}/meshes/default`, { type: 'Mesh', name: 'default' });
  await put(`${rest}/meshes/default/dataplanes/web`, dataplane);
}

async function put(url: string, body: object): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
}

async function status() {
  return JSON.parse(await mesh.shell.ok('kuma-dp status web -o json')) as {
    readonly controlPlane: string;
    readonly epoch: number;
    readonly pid: number;
    readonly restarts: number;
  };
}

/** Whether this control plane has an open stream of the proxy. */
async function isOnline({ rest }: Plane): Promise<boolean> {
  const url = `${rest}/meshes/default/dataplanes/web/_overview`;
  const old = `${rest}/meshes/default/dataplanes+insights/web`;
  for (const one of [url, old]) {
    const answer = await fetch(one).catch(() => undefined);
    if (answer?.ok !== true) continue;
    const { dataplaneInsight } = (await answer.json()) as {
      dataplaneInsight?: { subscriptions?: { connectTime?: string; disconnectTime?: string }[] };
    };
    return dataplaneInsight?.subscriptions?.some((s) => s.disconnectTime === undefined) === true;
  }
  return false;
}

async function inUse(): Promise<{ used: Plane; other: Plane }> {
  const { controlPlane } = await status();
  const [used] = planes.filter(({ url }) => url === controlPlane);
  const [other] = planes.filter(({ url }) => url !== controlPlane);
  if (used === undefined || other === undefined) throw new Error(`in use: "${controlPlane}"`);
  return { used, other };
}

test('the control plane in use is killed under load: no request fails, and the other has the proxy within seconds', async () => {
  const before = await status();
  const { used, other } = await inUse();
  await waitUntil(() => isOnline(used));
  expect(await isOnline(other)).toBe(false);
  const load = startLoad(URL_OF_PROXY);
  await waitUntil(() => load.calls > 100);
  const at = performance.now();
  used.program().signal('SIGKILL');
  await used.program().exited;
  await waitUntil(() => isOnline(other), { describe: () => mesh.programs.get('web')?.output() ?? '' });
  const tookMs = Math.round(performance.now() - at);
  console.info(`online at the other control plane after ${tookMs} ms`);
  // What failed is not asked again for up to 30 s, and none of that is waited for.
  expect(tookMs).toBeLessThan(15_000);
  await waitUntil(async () => (await status()).controlPlane === other.url);
  // What is changed there reaches the Envoy that has served all the while.
  await fill(other, [INBOUND, SECOND]);
  await waitUntil(async () => (await call(`http://127.0.0.1:${SECOND}/`)).outcome === 200);
  // Longer than a changed bootstrap would take to start another Envoy.
  const calls = load.calls;
  await waitUntil(() => performance.now() - at > 12_000 && load.calls > calls + 100);
  await load.end();
  expect(load.failures).toEqual([]);
  console.info(`${load.calls} calls`);
  expect(await status()).toMatchObject({ epoch: 0, pid: before.pid, restarts: 0 });

  // The preferred one is back, but does not know the proxy yet: nobody goes there.
  await used.start();
  const back = startLoad(URL_OF_PROXY);
  await waitUntil(() => back.calls > 300);
  expect((await status()).controlPlane).toBe(other.url);
  await fill(used, [INBOUND, SECOND]);
  await waitUntil(() => isOnline(used), { describe: () => mesh.programs.get('web')?.output() ?? '' });
  await waitUntil(async () => (await status()).controlPlane === used.url);
  await back.end();
  expect(back.failures).toEqual([]);
  expect(await status()).toMatchObject({ controlPlane: used.url, epoch: 0, pid: before.pid, restarts: 0 });
});
