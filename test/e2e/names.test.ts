import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DnsServer, startDnsServer, type Zone } from '../support/dns-server.ts';
import { type RunningProgram, waitUntil } from '../support/processes.ts';
import { createTestMesh, MESH, READY, type TestMesh } from './support/mesh.ts';

/** The resolver of the host asks our own name server: another resolv.conf needs a mount namespace, its port an own network. */
const possible =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--mount', 'true']).status === 0 &&
  Object.values(networkInterfaces()).every((list) => list?.every(({ internal }) => internal));

const SERVICE = '_kuma-cp._tcp.mesh.test';
const ZONE: Zone = {
  addresses: {
    'one.mesh.test': ['127.0.0.1'],
    'two.mesh.test': ['127.0.0.2'],
    'all.mesh.test': ['127.0.0.1', '127.0.0.2', '127.0.0.3'],
  },
  services: {
    [SERVICE]: [
      { name: 'one.mesh.test', port: 15_201, priority: 10, weight: 1 },
      { name: 'two.mesh.test', port: 15_201, priority: 20, weight: 1 },
    ],
  },
};

/** For a name server that is silent on purpose. */
const QUICK_TO_GIVE_UP = 'options timeout:1 attempts:1';
/** More than most hosts have: a name server that is there may be slow to answer, and one that is not may take for ever. */
const SLOW_TO_GIVE_UP = 'options timeout:15 attempts:2';

let mesh: TestMesh;
let dns: DnsServer;
/** Doors to the one control plane, on an address each. */
let doors: readonly Door[];
/** Addresses of the doors at which somebody asked, in their order. */
const askedAt: string[] = [];
const agents: RunningProgram[] = [];

interface Door {
  open(): Promise<void>;
  close(): void;
}

beforeAll(async () => {
  if (!possible) return;
  mesh = await createTestMesh();
  await mesh.startControlPlane();
  await mesh.apply(`type: Mesh\nname: ${MESH}`);
  await mesh.apply(
    `type: Dataplane\nmesh: ${MESH}\nname: web\nnetworking:\n  address: 127.0.0.1\n  inbound:\n  - {port: 15001, servicePort: 15101, tags: {kuma.io/service: web}}`,
  );
  dns = await startDnsServer('127.0.0.1', 53, ZONE);
  doors = [door('127.0.0.1'), door('127.0.0.2')];
});

beforeEach(async () => {
  if (!possible) return;
  dns.zone = ZONE;
  resolvConf(SLOW_TO_GIVE_UP);
  for (const { open } of doors) await open();
});

/** Whatever became of a test, the next one begins with an agent of its own. */
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
});

afterAll(async () => {
  if (!possible) return;
  await mesh.close();
  dns.close();
  for (const { close } of doors) close();
});

function resolvConf(options: string): void {
  writeFileSync(join(mesh.home, 'resolv.conf'), `nameserver 127.0.0.1\n${options}\n`);
}

function door(address: string): Door {
  let server: Server | undefined;
  return {
    async open() {
      if (server !== undefined) return;
      const opened = createServer(async (incoming, outgoing) => {
        askedAt.push(address);
        const body = incoming.method === 'POST' ? { body: await new Response(incoming as never).text() } : {};
        const { method = 'GET', url = '/' } = incoming;
        const answer = await fetch(`http://127.0.0.1:5682${url}`, { method, ...body });
        outgoing.writeHead(answer.status, { 'content-type': 'application/json' });
        outgoing.end(await answer.text());
      });
      await new Promise<void>((resolve) => opened.listen(15_201, address, resolve));
      server = opened;
    },
    close() {
      server?.close();
      server?.closeAllConnections();
      server = undefined;
    },
  };
}

/** The rest of a command line behind this sees the resolver of the test. */
const ASKING_US = `unshare --mount sh -c 'mount --bind "$HOME"/resolv.conf /etc/resolv.conf && exec "$@"' sh`;

function run(address: string): RunningProgram {
  // A host that stands still may make it begin with another one: it comes back to the one it prefers.
  const agent = mesh.shell.start(`${ASKING_US} kuma-dp run --cp-address ${address} --cp-return-after 1s`, {
    KUMA_DATAPLANE_NAME: 'web',
  });
  agents.push(agent);
  return agent;
}

const doctor = (address: string) =>
  mesh.shell.run(`${ASKING_US} kuma-dp doctor --name web --cp-address ${address}`);

const inUse = async () =>
  (JSON.parse(await mesh.shell.ok('kuma-dp status web -o json')) as { controlPlane: string }).controlPlane;

describe.skipIf(!possible)('control planes from the DNS', () => {
  test('a service name gives hosts, ports and priorities; the next one takes over when the first is gone', async () => {
    const agent = run(`srv+http:${SERVICE}`);
    await agent.waitForLine(READY);
    expect(dns.asked).toContain(`SRV ${SERVICE}`);
    expect(askedAt[0]).toBe('127.0.0.1');
    await waitUntil(async () => (await inUse()) === 'http://one.mesh.test:15201', {
      describe: () => `the preferred one to be used:\n${agent.output()}`,
    });
    expect((await agent.stop()).code).toBe(0);

    doors[0]?.close();
    const second = run(`srv+http:${SERVICE}`);
    await second.waitForLine(READY);
    expect(await inUse()).toBe('http://two.mesh.test:15201');
    expect((await second.stop()).code).toBe(0);
  });

  test('a name with several addresses stands for as many control planes', async () => {
    doors[0]?.close();
    const agent = run('http://all.mesh.test:15201');
    await agent.waitForLine(READY);
    expect(await inUse()).toBe('http://all.mesh.test:15201 (127.0.0.2)');
    // A name server that falls silent takes nothing away.
    dns.zone = undefined;
    await mesh.shell.ok('kuma-dp restart web');
    await waitUntil(async () => (await inUse()).endsWith('(127.0.0.2)'));
    dns.zone = ZONE;
    expect((await agent.stop()).code).toBe(0);
  });
});

describe.skipIf(!possible)('a name server that falls silent', () => {
  test('holds up neither the end of a proxy nor that of its agent', async () => {
    const agent = run('http://one.mesh.test:15201');
    await agent.waitForLine(READY);
    dns.zone = undefined;
    const from = performance.now();
    expect((await agent.stop()).code).toBe(0);
    // One question to the control plane, which has a second to answer; the resolver alone would take thirty.
    expect(performance.now() - from).toBeLessThan(20_000);
  });
});

describe.skipIf(!possible)('the doctor', () => {
  test('looks at every host of a service name, and says which of them is gone', async () => {
    const well = await doctor(`srv+http:${SERVICE}`);
    expect(well.stdout).toMatch(
      /^ok +resolver +_kuma-cp.*one\.mesh\.test is 127\.0\.0\.1, two\.mesh\.test is/m,
    );
    expect(well.stdout).toMatch(/^ok +control-plane +http:\/\/one\.\S+ answers, http:\/\/two\.\S+ answers/m);
    doors[1]?.close();
    const ill = await doctor(`srv+http:${SERVICE}`);
    expect(ill.stdout).toContain('warning: http://two.mesh.test:15201 cannot be used: nothing listens');
  });

  test('looks at every address of a name', async () => {
    const { stdout } = await doctor('http://all.mesh.test:15201');
    expect(stdout).toContain('all.mesh.test is 127.0.0.1, 127.0.0.2, 127.0.0.3');
    expect(stdout).toContain(
      'warning: http://all.mesh.test:15201 (127.0.0.3) cannot be used: nothing listens',
    );
    expect(stdout).toContain('http://all.mesh.test:15201 (127.0.0.1) answers');
  });

  test('names what the DNS does not know, and a name server that does not answer', async () => {
    const missing = await doctor('srv+http:_other._tcp.mesh.test');
    expect(missing.stdout).toContain(
      'the name _other._tcp.mesh.test of the control plane cannot be resolved',
    );
    expect(missing.stdout).toContain('dig +short SRV _other._tcp.mesh.test');
    expect(missing.stdout).toMatch(/^skipped +control-plane/m);
    expect(missing.code).toBe(2);
    dns.zone = undefined;
    resolvConf(QUICK_TO_GIVE_UP);
    const silent = await doctor('http://one.mesh.test:15201');
    expect(silent.stdout).toContain(
      'the name one.mesh.test of the control plane cannot be resolved (EAI_AGAIN)',
    );
    expect(silent.code).toBe(2);
  });

  test('names a silent name server also where the system is long in giving up', async () => {
    dns.zone = undefined;
    const { stdout, code } = await doctor('http://one.mesh.test:15201');
    expect(stdout).toContain('the name one.mesh.test of the control plane cannot be resolved (ETIMEDOUT)');
    expect(code).toBe(2);
  });
});
