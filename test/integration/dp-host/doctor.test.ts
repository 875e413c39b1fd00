import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { allocatePort, NO_NAME } from '../../support/ports.ts';
import {
  clonePath,
  envoyBinary,
  type Finished,
  runProgram,
  startProgram,
  stopAll,
} from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { bootstrapWith, startControlPlane } from '../dp/support/control-plane.ts';
import { makeServerCertificate } from './support/certificates.ts';
import { withOwnSharedMemory } from './support/own-shm.ts';

let dir: string;
const servers: Server[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dp-doctor-'));
});

afterEach(async () => {
  await stopAll();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(dir, { recursive: true, force: true });
});

describe('a host where nothing is wrong', () => {
  test('is told so, with exit code 0', async () => {
    const url = await serve();
    const { code, stdout } = await doctor(['--cp-address', url]);
    expect(stdout).not.toMatch(/^(warning|error)/m);
    expect(stdout.trim().split('\n').at(-1)).toBe('nothing is wrong');
    expect(code).toBe(0);
  });

  test('changes nothing: no directory is made', async () => {
    await doctor(['--cp-address', await serve(), '--run-dir', join(dir, 'new', 'run')]);
    const { stdout } = await runProgram('/bin/ls', [dir]);
    expect(stdout.trim()).toBe('');
  });

  test('gives programs a JSON with all checks', async () => {
    const { stdout, code } = await doctor(['--cp-address', await serve(), '-o', 'json']);
    const report = JSON.parse(stdout) as { errors: number; warnings: number; checks: { check: string }[] };
    expect(report).toMatchObject({ errors: 0, warnings: 0 });
    expect(report.checks.map(({ check }) => check)).toEqual([
      'settings',
      'envoy',
      'directories',
      'shared-memory',
      'limits',
      'resolver',
      'control-plane',
      'token',
      'ports',
      'agents',
      'leftovers',
    ]);
    expect(code).toBe(0);
  });
});

describe('settings', () => {
  test('that cannot be used are told with their name, and the host is looked at all the same', async () => {
    const result = await doctor(['--cp-address', 'nonsense', '--drain-time', '0s']);
    expectFinding(result, 'error', '--cp-address: must be a URL');
    expect(result.stdout).toMatch(/--drain-time: must be/);
    expect(result.stdout).toMatch(/^ok +envoy/m);
    expect(result.stdout).toMatch(/^skipped +control-plane/m);
    expect(result.code).toBe(2);
  });

  test('a CA nobody verifies is a warning', async () => {
    const result = await doctor(['--cp-address', await serve(), '--skip-verify']);
    expectFinding(result, 'warning', 'TLS VERIFICATION OF THE CONTROL PLANE IS OFF');
    expect(result.code).toBe(1);
  });

  test('a mistake of the doctor itself is not taken for a warning', async () => {
    expect((await doctor(['--output', 'xml'])).code).toBe(2);
  });
});

describe('Envoy', () => {
  test('missing: the command that installs it', async () => {
    const result = await doctor([], { binary: '', env: { KUMA_DP_CACHE: dir } });
    expectFinding(result, 'error', 'no Envoy found', 'kuma-dp envoy install');
  });

  test('not executable', async () => {
    const result = await doctor([], { binary: script('exit 0', 0o644) });
    expectFinding(result, 'error', 'is no executable file', 'chmod +x');
  });

  test.each([
    ['too old', '1.20.1'],
    ['newer than what is tested with', '1.77.0'],
  ])('%s: a warning with its version', async (_case, version) => {
    const result = await doctor([], {
      binary: script(`echo "envoy  version: 0000/${version}/Clean/RELEASE/BoringSSL"`),
    });
    expectFinding(result, 'warning', `Envoy ${version} is not one of the versions tested with`);
  });

  test('built for a newer glibc', async () => {
    const result = await doctor([], {
      binary: script(`echo "envoy: /lib/libc.so.6: version \\\`GLIBC_2.99' not found" >&2; exit 1`),
    });
    expectFinding(result, 'error', 'was built for a newer system');
  });

  test('whose loader is not on this system, as a musl build on glibc', async () => {
    const path = join(dir, 'envoy');
    writeFileSync(path, '#!/lib/ld-of-another-system.so.1\n');
    chmodSync(path, 0o755);
    expectFinding(await doctor([], { binary: path }), 'error', 'its interpreter or loader is not');
  });

  test('that is something else', async () => {
    expectFinding(await doctor([], { binary: '/bin/true' }), 'error', 'is no Envoy');
  });
});

describe('directories', () => {
  test('a run directory below a file cannot be made', async () => {
    writeFileSync(join(dir, 'file'), '');
    const result = await doctor(['--run-dir', join(dir, 'file', 'run')]);
    expectFinding(result, 'error', 'no proxy can start', 'install -d -m 0700');
  });

  test('a run directory that others can write is refused', async () => {
    mkdirSync(join(dir, 'open'));
    chmodSync(join(dir, 'open'), 0o777);
    expectFinding(
      await doctor(['--run-dir', join(dir, 'open')]),
      'error',
      'can be written by others',
      'chmod go-w',
    );
  });

  test('a run directory whose sockets would have too long names', async () => {
    const result = await doctor(['--run-dir', join(dir, 'x'.repeat(90)), '--name', 'a']);
    expectFinding(result, 'error', 'too long for unix sockets', '--run-dir');
  });

  test('a state directory that cannot be written is a warning: the proxy runs without', async () => {
    writeFileSync(join(dir, 'file'), '');
    const result = await doctor(['--cp-address', await serve(), '--state-dir', join(dir, 'file')]);
    expectFinding(result, 'warning', 'cannot start without the control plane');
    expect(result.code).toBe(1);
  });
});

test('shared memory that cannot be written turns hot restart off', async () => {
  const result = await doctor([], { prepare: 'mount -o remount,ro /dev/shm' });
  expectFinding(result, 'warning', '/dev/shm cannot be written: hot restart is off', 'mount -t tmpfs');
});

test('few open files are told with how many connections they are enough for', async () => {
  const url = await serve();
  const result = await runProgram('/bin/sh', [
    '-c',
    'ulimit -n 1000; exec "$@"',
    'sh',
    ...command(['--cp-address', url]),
  ]);
  expectFinding(result, 'warning', 'may open 1000 files, enough for about 500 connections', 'LimitNOFILE');
});

test('a name of the control plane that cannot be resolved', async () => {
  const result = await doctor(['--cp-address', `https://${NO_NAME}:5678`]);
  expectFinding(result, 'error', `${NO_NAME} of the control plane cannot be resolved`, 'getent hosts');
});

describe('the control plane', () => {
  test('is not there', async () => {
    const result = await doctor(['--cp-address', `https://127.0.0.1:${await allocatePort()}`]);
    expectFinding(result, 'error', 'nothing listens on', 'start kuma-cp');
  });

  test('is silent', async () => {
    const server = createTcpServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const result = await doctor(['--cp-address', url, '--timeout', '4s']);
      expectFinding(result, 'error', `${url} cannot be used: no answer within 3200 ms`, 'curl -v');
    } finally {
      server.close();
    }
  });

  test('is on another port', async () => {
    const url = await serve((_request, response) => response.writeHead(404).end('404: Page Not Found'));
    expectFinding(await doctor(['--cp-address', url]), 'error', 'is not the bootstrap port', ':5678');
  });

  test.each([
    ['ahead of', -120_000, 'warning'],
    ['behind', 30_000, 'warning'],
    ['behind', 3_600_000, 'error'],
  ] as const)('has another time: this clock is %s it', async (which, offsetMs, severity) => {
    const url = await serve((_request, response) => {
      response.setHeader('date', new Date(Date.now() + offsetMs).toUTCString());
      response.writeHead(400).end();
    });
    expectFinding(
      await doctor(['--cp-address', url]),
      severity,
      new RegExp(`\\d+ s ${which} that`),
      'timedatectl',
    );
  });

  test('has a certificate nobody here trusts', async () => {
    const { url } = await serveTls({ names: ['localhost'] });
    expectFinding(
      await doctor(['--cp-address', url]),
      'error',
      'not signed by a trusted CA',
      '--ca-cert-file',
    );
  });

  test('has a certificate for other names', async () => {
    const { url, ca } = await serveTls({ names: ['elsewhere.example'] });
    const result = await doctor(['--cp-address', url, '--ca-cert-file', ca]);
    expectFinding(result, 'error', 'certificate is for other names', 'subjectAltName');
    expect(result.stdout).toContain('elsewhere.example');
  });

  test('has a certificate that expired', async () => {
    const { url, ca } = await serveTls({ names: ['localhost'], startMs: -3 * DAY, lifetimeMs: DAY });
    expectFinding(
      await doctor(['--cp-address', url, '--ca-cert-file', ca]),
      'error',
      'not valid now',
      'timedatectl',
    );
  });

  test('answers late', async () => {
    const url = await serve(async (_request, response) => {
      // In pieces: what the machine of the test stands still for is nobody's slowness.
      for (let piece = 0; piece < 25; piece++) await delay(100);
      response.writeHead(400).end();
    });
    const result = await doctor(['--cp-address', url]);
    expectFinding(
      result,
      'warning',
      /took \d\.\d s to answer: changes lag behind/,
      'load and log of kuma-cp',
    );
    expect(result.code).toBe(1);
  });

  test('is looked at wherever it is, each with its own finding; while one is well the others are warnings', async () => {
    const well = await serve();
    const late = await serve((_request, response) => {
      response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString());
      response.writeHead(400).end();
    });
    const gone = `http://127.0.0.1:${await allocatePort()}`;
    const { url: stranger } = await serveTls({ names: ['localhost'] });
    const others = ['--cp-address', late, '--cp-address', `${gone},${stranger}`];
    const some = await doctor([...others, '--cp-address', well]);
    expectFinding(some, 'warning', `ahead of that of the control plane ${late}`, 'timedatectl');
    expectFinding(some, 'warning', `${gone} cannot be used: nothing listens`, 'start kuma-cp');
    expectFinding(some, 'warning', `${stranger} cannot be used: its certificate`, '--ca-cert-file');
    expect(some.stdout).toContain(`${well} answers`);
    expect(some.code).toBe(1);
    const none = await doctor(others);
    expectFinding(none, 'error', `${gone} cannot be used`);
    expectFinding(none, 'error', `${stranger} cannot be used`);
    expect(none.code).toBe(2);
  });

  test('has a certificate that expires soon', async () => {
    const { url, ca } = await serveTls({ names: ['localhost'], lifetimeMs: 2 * DAY });
    const result = await doctor(['--cp-address', url, '--ca-cert-file', ca]);
    expectFinding(result, 'warning', /expires in 4[78] h/);
    expect(result.code).toBe(1);
  });
});

describe('the token', () => {
  const now = Math.floor(Date.now() / 1000);
  const good = {
    Name: 'web',
    Mesh: 'default',
    Type: 'dataplane',
    iat: now - 5,
    nbf: now - 5,
    exp: now + 86_400,
  };

  test('that fits is fine', async () => {
    const { stdout, code } = await withToken(jwt(good));
    expect(stdout).toMatch(/^ok +token .*valid for (23h5\dm|24h)/m);
    expect(code).toBe(0);
  });

  test.each([
    ['expired', { ...good, exp: now - 3600 }, 'error', 'the token expired 1h'],
    // A tenth of its life is left, which is longer than this file runs.
    ['expires soon', { ...good, iat: now - 86_400, exp: now + 3_600 }, 'warning', 'the token expires in'],
    ['is of the future', { ...good, nbf: now + 7200 }, 'error', 'the token is valid only in'],
    ['is for another proxy', { ...good, Name: 'db' }, 'error', 'is for the proxy "db", this one is "web"'],
    ['is for another mesh', { ...good, Mesh: 'prod' }, 'error', 'is for the mesh "prod"'],
    ['is for a gateway of zones', { ...good, Type: 'ingress' }, 'error', 'proxy of type "ingress"'],
  ] as const)('that %s', async (_case, claims, severity, text) => {
    expectFinding(await withToken(jwt(claims)), severity, text, 'kumactl generate dataplane-token');
  });

  test('that is bound to other tags', async () => {
    const claims = { ...good, Tags: { 'kuma.io/service': ['db'] } };
    const result = await withToken(jwt(claims), ['-d', dataplane({ tags: { 'kuma.io/service': 'web' } })]);
    expectFinding(result, 'error', 'the token allows kuma.io/service=db, an inbound has web');
  });

  test('that is none', async () => {
    expectFinding(await withToken('hello'), 'error', 'holds no token');
    expectFinding(await withToken(' \n'), 'error', 'is empty');
  });

  test('in a file others can read', async () => {
    expectFinding(await withToken(jwt(good), [], 0o644), 'warning', 'can be read by others', 'chmod 600');
  });

  test('is never printed', async () => {
    const token = jwt({ ...good, Name: 'db' });
    for (const args of [[], ['-o', 'json']]) {
      const { stdout, stderr } = await withToken(token, args);
      for (const part of token.split('.')) expect(stdout + stderr).not.toContain(part);
    }
  });

  async function withToken(token: string, args: readonly string[] = [], mode = 0o600): Promise<Finished> {
    const path = join(dir, 'token');
    writeFileSync(path, token, { mode });
    const name = args.includes('-d') ? [] : ['--name', 'web'];
    return doctor(['--cp-address', await serve(), '--dataplane-token-file', path, ...name, ...args]);
  }
});

describe('ports', () => {
  test('of the Dataplane that somebody has are told with the process', async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const result = await doctor(['-d', dataplane({ port })]);
      expectFinding(
        result,
        'error',
        `the inbound port 127.0.0.1:${port} is taken by process ${process.pid}`,
        `ps -fp ${process.pid}`,
      );
      expectFinding(
        await doctor(['-d', dataplane({ outbound: port })]),
        'error',
        `the outbound port 127.0.0.1:${port} is taken`,
      );
      expectFinding(
        await doctor(['--admin-port', String(port)]),
        'error',
        `--admin-port: the admin port 127.0.0.1:${port} is taken`,
      );
    } finally {
      server.close();
    }
  });

  test('on another address of the machine do not clash', async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      // Another program's socket may well have this port on 127.0.0.1.
      const { stdout } = await doctor(['-d', dataplane({ port, address: '127.0.0.3' })]);
      expect(stdout).not.toContain('is taken');
    } finally {
      server.close();
    }
  });

  test('the 0.1 dialect is understood', async () => {
    const path = join(dir, 'old.yaml');
    writeFileSync(
      path,
      'type: Dataplane\nmesh: default\nname: web\nnetworking:\n  inbound:\n  - interface: 203.0.113.9:10001:9000\n    tags: {service: web}\n',
    );
    expectFinding(
      await doctor(['-d', path]),
      'error',
      '203.0.113.9 is no address of this machine',
      'ip -brief address',
    );
  });

  test('a service that does not run yet is a warning', async () => {
    const result = await doctor(['-d', dataplane({ servicePort: await allocatePort() })]);
    expectFinding(result, 'warning', 'where the service itself is expected');
  });

  test('of a proxy that runs already are its own', async () => {
    const cp = await startControlPlane(bootstrapWith());
    const admin = await allocatePort();
    const agent = startAgent(cp.url, ['--admin-port', String(admin)]);
    try {
      await agent.waitForLine(/ ready /);
      const { stdout } = await doctor([
        '--cp-address',
        cp.url,
        '--name',
        'web',
        '--admin-port',
        String(admin),
      ]);
      expect(stdout).toMatch(/^ok +ports/m);
    } finally {
      await agent.stop();
      await cp.close();
    }
  });
});

describe('agents of this host', () => {
  test('that is not ready is told with what it waits for', async () => {
    const url = await serve((_request, response) => response.writeHead(503).end());
    const agent = startAgent(url);
    await agent.waitForLine('no bootstrap yet');
    const result = await doctor(['--cp-address', await serve()]);
    expectFinding(result, 'error', 'default.web is not ready: BOOTSTRAPPING', 'kuma-dp logs default.web');
    await agent.stop();
  });

  test('that hangs is told', async () => {
    const cp = await startControlPlane(bootstrapWith());
    const agent = startAgent(cp.url);
    try {
      await agent.waitForLine(/ ready /);
      agent.signal('SIGSTOP');
      expectFinding(await doctor(['--cp-address', cp.url]), 'error', 'an agent does not answer');
    } finally {
      agent.signal('SIGCONT');
      await agent.stop();
      await cp.close();
    }
  });
});

describe('leftovers', () => {
  test('the directory of an agent that was killed', async () => {
    const url = await serve((_request, response) => response.writeHead(503).end());
    const agent = startAgent(url);
    await agent.waitForLine('agent started');
    agent.signal('SIGKILL');
    await agent.exited;
    const result = await doctor(['--cp-address', await serve()]);
    expectFinding(result, 'warning', /default\.web is left from agent \d+, which was killed/, 'rm -r');
  });

  test('shared memory of Envoys that ended', async () => {
    const result = await doctor(['--cp-address', await serve()], {
      prepare: 'head -c 104 /dev/zero > /dev/shm/envoy_shared_memory_1230',
    });
    expectFinding(result, 'warning', 'belong to no Envoy', 'rm /dev/shm/envoy_shared_memory_1230');
  });

  test('an Envoy without its agent', async () => {
    const orphan = startProgram('/bin/sleep', ['1000']);
    mkdirSync(join(dir, 'run', 'default.web'), { recursive: true });
    const { readProcessId } = await import('../../../src/lib/process-id.ts');
    const record = await waitUntil(() => readProcessId(orphan.pid));
    writeFileSync(
      join(dir, 'run', 'default.web', 'agent.json'),
      JSON.stringify({ pid: 4_000_000, startTicks: 1 }),
    );
    writeFileSync(join(dir, 'run', 'default.web', 'envoy.json'), JSON.stringify([record]));
    expectFinding(
      await doctor([]),
      'error',
      `Envoy ${orphan.pid} runs without its agent`,
      `kill ${orphan.pid}`,
    );
  });
});

const DAY = 24 * 3_600_000;

function command(args: readonly string[], binary = envoyBinary()): readonly string[] {
  const own = (flag: string, ...values: readonly string[]) => (args.includes(flag) ? [] : [flag, ...values]);
  return [
    process.execPath,
    clonePath('src/bin/kuma-dp.ts'),
    'doctor',
    ...own('--run-dir', join(dir, 'run')),
    ...own('--state-dir', join(dir, 'state')),
    ...(binary === '' ? [] : ['--binary-path', binary]),
    ...args,
  ];
}

function doctor(
  args: readonly string[],
  {
    binary,
    env = {},
    prepare,
  }: {
    binary?: string;
    env?: Record<string, string> /** Shell that spoils /dev/shm. */;
    prepare?: string;
  } = {},
): Promise<Finished> {
  const [program = '', ...rest] = inOwnMemory(command(args, binary), prepare);
  return runProgram(program, rest, { env });
}

/** Where the kernel allows no namespace, left-overs of others show. */
function inOwnMemory(words: readonly string[], prepare?: string): readonly string[] {
  return withOwnSharedMemory(words, prepare) ?? words;
}

function startAgent(url: string, args: readonly string[] = []) {
  const own = [
    'run',
    '--cp-address',
    url,
    '--name',
    'web',
    '--run-dir',
    join(dir, 'run'),
    '--state-dir',
    join(dir, 'state'),
  ];
  return startProgram(process.execPath, [
    clonePath('src/bin/kuma-dp.ts'),
    ...own,
    '--binary-path',
    envoyBinary(),
    ...args,
  ]);
}

/** A finding is there as that severity, with its text and a way to mend it. */
function expectFinding(
  { stdout, stderr }: Finished,
  severity: 'error' | 'warning',
  what: string | RegExp,
  mend = '',
): void {
  const lines = stdout.split('\n').map((line) => line.trim());
  const at = lines.findIndex(
    (line) =>
      line.startsWith(`${severity}: `) && (typeof what === 'string' ? line.includes(what) : what.test(line)),
  );
  expect(at, `${severity} "${String(what)}" in:\n${stdout}${stderr}`).toBeGreaterThanOrEqual(0);
  expect(lines[at + 1]).toMatch(/^mend: ./);
  expect(lines[at + 1]).toContain(mend);
}

function script(text: string, mode = 0o755): string {
  const path = join(dir, 'envoy');
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, mode);
  return path;
}

async function serve(
  onRequest: RequestListener = (_request, response) => response.writeHead(400).end(),
): Promise<string> {
  const server = createServer(onRequest);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serveTls(certificate: Parameters<typeof makeServerCertificate>[0]) {
  const { ca, cert, key } = await makeServerCertificate(certificate);
  const server = createTlsServer({ cert, key }, (_request, response) => response.writeHead(400).end());
  servers.push(server as unknown as Server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const path = join(dir, 'ca.crt');
  writeFileSync(path, ca);
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, ca: path };
}

interface Shape {
  readonly address?: string;
  readonly port?: number;
  readonly servicePort?: number;
  readonly outbound?: number;
  readonly tags?: Record<string, string>;
}

function dataplane({
  address = '127.0.0.1',
  port = 1,
  servicePort = port,
  outbound,
  tags = { 'kuma.io/service': 'web' },
}: Shape): string {
  const path = join(dir, 'dataplane.json');
  const networking = {
    address,
    inbound: [{ port, servicePort, tags }],
    ...(outbound === undefined ? {} : { outbound: [{ port: outbound, tags: { 'kuma.io/service': 'db' } }] }),
  };
  writeFileSync(path, JSON.stringify({ type: 'Dataplane', mesh: 'default', name: 'web', networking }));
  return path;
}

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', kid: '1' })}.${part(claims)}.${'c2lnbmF0dXJl'.repeat(4)}`;
}
