import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { HELD, startTraffic, type Traffic } from '../support/traffic.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';
import { createOneProxy, type OneProxy, type Status, startHttpService } from './support/one-proxy.ts';

const FULL = process.env.FULL === '1';
const LOAD_MS = FULL ? 30_000 : 10_000;
/** Far beyond the drain: clients that were told to leave are to have time for it on a machine that stands still for a while. */
const PARENT_SHUTDOWN_MS = 6_000;
const MAX_AGE_MS = 2_000;
const TIMES = `--drain-time 1s --parent-shutdown-time ${PARENT_SHUTDOWN_MS / 1_000}s`;

describe('HTTP with keep-alive through a listener that only knows TCP', () => {
  let proxy: OneProxy;
  let agent: RunningProgram;

  beforeAll(async () => {
    proxy = await createOneProxy();
    agent = await proxy.start(TIMES);
  });

  afterAll(() => proxy.close());

  test('loses nothing over hot restarts but connections that are older than --parent-shutdown-time allows', async () => {
    const httpOverTcp = { port: proxy.plainPort, maxAgeMs: MAX_AGE_MS };
    const traffic = startTraffic({ ...proxy, httpOverTcp, share: 0.5 });
    const end = performance.now() + LOAD_MS;
    let restarts = 0;
    do {
      const { stdout, stderr } = await proxy.mesh.shell.run('kuma-dp restart web');
      expect(stdout, stderr + agent.output()).toContain(`epoch ${++restarts} took over`);
      await untilAlone();
    } while (performance.now() < end);
    await traffic.end();
    const { held, others } = split(traffic);
    report('http over tcp', { restarts, done: traffic.done, failures: others, held });
    expect(others, agent.output()).toEqual({});
    for (const kind of ['http over tcp', HELD]) expect(traffic.done[kind], kind).toBeGreaterThan(100);
    // At most once for each of the clients that hold on and each old Envoy that ends; the next request is served.
    expect(total(held)).toBeLessThanOrEqual(2 * restarts);
  });

  async function untilAlone(): Promise<void> {
    await waitUntil(async () => (await proxy.status()).envoys.length === 1, {
      describe: () => `the old Envoy to end:\n${agent.output()}`,
    });
  }
});

describe('eight agents of one host', () => {
  const NAMES = Array.from({ length: 8 }, (_, i) => `web-${i + 1}`);
  const portOf = (name: string) => 15_010 + NAMES.indexOf(name);
  let mesh: TestMesh;
  let endService: () => void;
  const traffics = new Map<string, Traffic>();
  const agents = new Map<string, RunningProgram>();

  beforeAll(async () => {
    mesh = await createTestMesh();
    endService = await startHttpService(15_101);
    await mesh.startControlPlane();
    await mesh.apply('type: Mesh\nname: bookinfo');
    for (const name of NAMES) {
      await mesh.apply(dataplane(name, portOf(name)));
      agents.set(name, await mesh.startProxy(name, TIMES));
    }
  });

  afterEach(() => Promise.all([...traffics.values()].map((traffic) => traffic.end())));

  afterAll(async () => {
    await mesh.close();
    endService();
  });

  test('are hot-restarted together under load without a failed request', async () => {
    for (const name of NAMES) traffics.set(name, startTraffic({ httpPort: portOf(name), share: 0.25 }));
    const begin = performance.now();
    const took: number[] = [];
    let rounds = 0;
    do {
      rounds++;
      took.push(...(await Promise.all(NAMES.map((name) => handOver(name, rounds)))));
      await sleep(PARENT_SHUTDOWN_MS);
    } while (performance.now() < begin + LOAD_MS);
    await Promise.all(NAMES.map(untilAlone));
    const failures: Record<string, object> = {};
    const done: Record<string, number> = {};
    for (const [name, traffic] of traffics) {
      await traffic.end();
      if (traffic.failed.length > 0) failures[name] = traffic.failures;
      for (const [kind, count] of Object.entries(traffic.done)) done[kind] = (done[kind] ?? 0) + count;
      expect(traffic.done['keep-alive'], name).toBeGreaterThan(50);
    }
    const slowest = Math.round(Math.max(...took));
    report('eight agents', { rounds, 'slowest hand-over, ms': slowest, done, failures });
    expect(failures).toEqual({});
  });

  /** How long the command took, in ms. */
  async function handOver(name: string, epoch: number): Promise<number> {
    const at = performance.now();
    const { stdout, stderr } = await mesh.shell.run(`kuma-dp restart ${name}`);
    expect(stdout, stderr + agents.get(name)?.output()).toContain(`epoch ${epoch} took over`);
    return performance.now() - at;
  }

  async function untilAlone(name: string): Promise<void> {
    await waitUntil(async () => {
      const status = JSON.parse(await mesh.shell.ok(`kuma-dp status ${name} -o json`)) as Status;
      return status.envoys.length === 1 && status.state === 'ready' && status.restarts === 0;
    });
  }
});

function dataplane(name: string, port: number): string {
  return `type: Dataplane
mesh: bookinfo
name: ${name}
networking:
  address: 127.0.0.1
  inbound:
  - port: ${port}
    servicePort: 15101
    tags: {kuma.io/service: web, kuma.io/protocol: http}`;
}

type Counts = Readonly<Record<string, number>>;

/** Failures of clients that hold a connection as long as they can, and all others. */
function split({ failures }: Traffic): { readonly held: Counts; readonly others: Counts } {
  const of = (isHeld: boolean) =>
    Object.fromEntries(Object.entries(failures).filter(([kind]) => kind.startsWith(HELD) === isHeld));
  return { held: of(true), others: of(false) };
}

function total(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function report(what: string, figures: object): void {
  console.log(`${what}: ${JSON.stringify(figures)}`);
}
