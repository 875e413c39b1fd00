import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clonePath, type RunningProgram, stopAll, waitUntil } from '../support/processes.ts';
import { removeSharedMemoryOf } from '../support/shared-memory.ts';
import { dataplaneYaml, INSTANCES, type Instance, serviceCommand } from './support/bookinfo.ts';
import { openShell, type Shell } from './support/shell.ts';

/** The article's journey, in its order and with its commands; only the containers are our own services. */
const IP = '127.0.0.1';
const CP_URL = `http://${IP}:5682`;
/** On a machine that stands still for a while the page is late, not without its parts. */
const PATIENT = { UPSTREAM_TIMEOUT_MS: '30000', RATINGS_TIMEOUT_MS: '30000' };
let home: string;
let shell: Shell;
const programs = new Map<string, RunningProgram>();

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'article-'));
  shell = openShell({ home, cwd: clonePath('examples', 'bookinfo'), env: { IP, CP_URL } });
});

afterAll(async () => {
  await stopAll();
  removeSharedMemoryOf(home);
  await rm(home, { recursive: true, force: true });
});

const apply = (yaml: string) => shell.ok(`echo "${yaml}" | kumactl apply -f -`);

async function getJson(url: string): Promise<unknown> {
  return JSON.parse(await shell.ok(`curl -sf --max-time 60 ${url}`));
}

/** The versions of reviews that many refreshes of the page show. */
async function versionsSeen(refreshes: number): Promise<Set<string>> {
  const pages = await shell.ok(
    `for i in $(seq ${refreshes}); do curl -sf --max-time 60 $IP:10501/productpage; done`,
  );
  return new Set([...pages.matchAll(/reviews-v\d/g)].map(([version]) => version));
}

describe('the Bookinfo article', () => {
  test('the control plane starts with the configuration file of the example', async () => {
    programs.set('kuma-cp', shell.start('kuma-cp run -c kuma/conf/kuma-cp.conf'));
    await waitUntil(async () => (await shell.run('curl -sf http://localhost:5681/')).code === 0, {
      describe: () => `kuma-cp to answer:\n${programs.get('kuma-cp')?.output()}`,
    });
  });

  test('a mesh is applied and the table of meshes is printed as in the article', async () => {
    await apply('type: Mesh\nname: bookinfo\nmtls:\n  enabled: false');
    const table = await shell.ok('kumactl get meshes', { KUMACTL_COMPAT: '0.1' });
    expect(table).toBe('NAME       mTLS   DP ACCESS LOGS\ndefault    off    off\nbookinfo   off    off\n');
  });

  test.each(INSTANCES)(
    '$name: service, Dataplane, proxy, and a call through its inbound',
    async (instance: Instance) => {
      programs.set(`service ${instance.name}`, shell.start(serviceCommand(instance, PATIENT)));
      const { path } = instance;
      await waitUntil(
        async () => (await shell.run(`curl -sf localhost:${instance.port}${path}`)).code === 0,
        {
          describe: () => `${instance.name} to answer: ${programs.get(`service ${instance.name}`)?.output()}`,
        },
      );
      await apply(dataplaneYaml(instance));
      expect(await shell.ok('kumactl --mesh bookinfo inspect dataplanes')).toMatch(
        new RegExp(`${instance.name} .*Offline`),
      );
      const sidecar = shell.start(`kuma-dp run --admin-port ${instance.adminPort}`, {
        KUMA_CONTROL_PLANE_BOOTSTRAP_SERVER_URL: CP_URL,
        KUMA_DATAPLANE_MESH: 'bookinfo',
        KUMA_DATAPLANE_NAME: instance.name,
      });
      programs.set(instance.name, sidecar);
      await waitUntil(
        async () => (await shell.run(`curl -sf --max-time 5 $IP:${instance.port + 1}${path}`)).code === 0,
        {
          describe: () => `${instance.name} through its proxy: ${sidecar.output()}`,
        },
      );
    },
  );

  test('all six proxies are online without errors', async () => {
    const rows = await waitUntil(async () => {
      const table = await shell.ok('kumactl --mesh bookinfo inspect dataplanes', { KUMACTL_COMPAT: '0.1' });
      const lines = table.trimEnd().split('\n').slice(1);
      return lines.every((line) => line.includes('Online')) ? lines : undefined;
    });
    expect(rows).toHaveLength(6);
    // TOTAL ERRORS is the last column of 0.1's table.
    expect(rows.map((row) => row.trimEnd().split(/\s+/).at(-1))).toEqual(Array(6).fill('0'));
  });

  test('thirty refreshes of the page show all three versions of the reviews', async () => {
    expect(await versionsSeen(30)).toEqual(new Set(['reviews-v1', 'reviews-v2', 'reviews-v3']));
  });

  test('the ratings of a product come through the outbound 10502', async () => {
    const before = await outboundRequests(10502);
    expect(await getJson('$IP:10501/api/v1/products/0/ratings')).toMatchObject({
      ratings: { Reviewer1: 5, Reviewer2: 4 },
    });
    expect(await outboundRequests(10502)).toBeGreaterThan(before);
  });

  test('a changed outbound port moves the listener in the running Envoy, as the article shows in its log', async () => {
    const productpage = INSTANCES.find((i) => i.name === 'productpage-v1');
    const sidecar = programs.get('productpage-v1');
    if (productpage === undefined || sidecar === undefined) throw new Error('productpage-v1 is not running');
    const pid = await envoyPid(sidecar);
    const outbounds = productpage.outbounds.map((o) => (o.service === 'reviews' ? { ...o, port: 10505 } : o));
    await apply(dataplaneYaml({ ...productpage, outbounds }));
    await sidecar.waitForLine(`lds: remove listener 'outbound:${IP}:10504'`);
    await sidecar.waitForLine(`lds: add/update listener 'outbound:${IP}:10505'`);
    expect(await envoyPid(sidecar)).toBe(pid);
  });

  test('until productpage knows the new port its page shows the error of the reviews, and no longer', async () => {
    const page = () => shell.ok('curl -sf --max-time 60 $IP:10501/productpage');
    await waitUntil(async () => (await page()).includes('Error fetching product reviews'));
    const productpage = INSTANCES.find((i) => i.name === 'productpage-v1');
    if (productpage === undefined) throw new Error('no productpage');
    await programs.get('service productpage-v1')?.stop();
    programs.set(
      'service productpage-v1',
      shell.start(serviceCommand(productpage, { ...PATIENT, REVIEWS_PORT: '10505' })),
    );
    await waitUntil(async () => (await shell.run('curl -sf --max-time 5 $IP:10500/health')).code === 0);
    expect(await page()).not.toContain('Error fetching product reviews');
    expect(await page()).toContain('Reviews served by:');
  });

  test('every program ends on SIGTERM with exit code 0 and takes what it started along', async () => {
    const started = await Promise.all(INSTANCES.map((i) => childrenOf(programs.get(i.name))));
    for (const instance of INSTANCES)
      expect(await programs.get(instance.name)?.stop()).toEqual({ code: 0, signal: null });
    expect(await programs.get('kuma-cp')?.stop()).toEqual({ code: 0, signal: null });
    for (const pid of started.flat()) expect(() => process.kill(pid, 0)).toThrow();
  });
});

/** Connections the productpage's Envoy has accepted on an outbound, from its admin interface. */
async function outboundRequests(port: number): Promise<number> {
  const stats = await shell.ok(
    `curl -sf '$IP:9906/stats?filter=listener.*${port}.downstream_cx_total$'`.replaceAll("'", '"'),
  );
  const values = [...stats.matchAll(/downstream_cx_total: (\d+)/g)].map(([, n]) => Number(n));
  return Math.max(0, ...values);
}

async function envoyPid(sidecar: RunningProgram | undefined): Promise<number> {
  for (const pid of await childrenOf(sidecar))
    if ((await shell.ok(`readlink /proc/${pid}/exe`)).trim().endsWith('/envoy')) return pid;
  throw new Error(`kuma-dp ${sidecar?.pid} has no Envoy`);
}

async function childrenOf(sidecar: RunningProgram | undefined): Promise<readonly number[]> {
  if (sidecar === undefined) throw new Error('not running');
  const children = await shell.ok(`cat /proc/${sidecar.pid}/task/${sidecar.pid}/children`);
  return children.trim().split(/\s+/).map(Number);
}
