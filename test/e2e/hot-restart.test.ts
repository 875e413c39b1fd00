import { chmodSync, existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { clonePath, envoyBinary, type RunningProgram, runProgram, waitUntil } from '../support/processes.ts';
import { startTraffic, type Traffic, untilAllKinds } from '../support/traffic.ts';
import { createOneProxy, type OneProxy, untilState } from './support/one-proxy.ts';

/**
 * Short, so that several hand-overs fit into a test; long enough for the slowest request, and between the two for more
 * than a machine is likely to stand still: clients that were told to leave need a moment for it.
 */
const TIMES = '--drain-time 1s --parent-shutdown-time 5s';
const OLDER_ENVOY = '1.39.3';
/** How long each load lasts at least. */
const LOAD_MS = process.env.FULL === '1' ? 30_000 : 0;

let proxy: OneProxy;
let traffic: Traffic;
let agent: RunningProgram;
/** The file the agent runs as Envoy: a link that tests turn. */
let link: string;
let beganAt: number;

beforeAll(async () => {
  proxy = await createOneProxy();
  link = join(proxy.mesh.home, 'envoy-under-test');
});

afterAll(() => proxy.close());

beforeEach(() => point(envoyBinary()));

afterEach(async () => {
  await traffic.end();
  const file = await proxy.sharedMemory();
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(file).toMatch(/^\/dev\/shm\//);
  expect(existsSync(file ?? '')).toBe(false);
});

function point(binary: string): void {
  symlinkSync(binary, `${link}.new`);
  renameSync(`${link}.new`, link);
}

async function begin(args = '', env: Record<string, string> = {}): Promise<void> {
  agent = await proxy.start(`${TIMES} --binary-path ${link} ${args}`, env);
  traffic = startTraffic(proxy);
  beganAt = performance.now();
}

const restart = () => proxy.mesh.shell.run('kuma-dp restart web');

/** Lets the load run past the end of the old Envoy, whose last connections are cut then. */
async function nothingFailed(): Promise<void> {
  await waitUntil(async () => (await proxy.status()).envoys.length === 1, {
    describe: () => `the old Envoy to end:\n${agent.output()}`,
  });
  await sleep(Math.max(0, beganAt + LOAD_MS - performance.now()));
  await untilAllKinds(traffic);
  await traffic.end();
  const seconds = Math.round((performance.now() - beganAt) / 1_000);
  console.log(`${seconds} s, answered: ${JSON.stringify(traffic.done)}`);
  expect(traffic.failures, agent.output()).toEqual({});
}

describe('under load of every kind no request fails', () => {
  test('while five Envoys take over from each other in a row', async () => {
    await begin();
    for (let epoch = 1; epoch <= 5; epoch++) {
      const result = await restart();
      expect(result.stdout, result.stderr + agent.output()).toContain(`epoch ${epoch} took over`);
    }
    await nothingFailed();
    expect(await untilState(proxy, 'ready')).toMatchObject({ epoch: 5, restarts: 0 });
  });

  test('while an older Envoy takes over and the newer one comes back', async () => {
    const older = await installOlder();
    await begin('--watch-binary');
    const workers = await countWorkers();
    point(older);
    await untilVersion(OLDER_ENVOY);
    expect(await countWorkers()).toBe(workers);
    point(envoyBinary());
    await untilVersion('1.40.0');
    expect(await countWorkers()).toBe(workers);
    await nothingFailed();
    expect(await proxy.status()).toMatchObject({ epoch: 2, restarts: 0 });
  });

  test('while a changed bootstrap is taken up, which SIGHUP asks for', async () => {
    await begin();
    expect(await proxy.admin('/config_dump?mask=bootstrap')).not.toContain('changed-by-test');
    proxy.changeBootstrap('changed-by-test');
    agent.signal('SIGHUP');
    await agent.waitForLine(/restarting Envoy.*SIGHUP.*bootstrap/);
    await agent.waitForLine('the new Envoy serves');
    await nothingFailed();
    expect(await proxy.admin('/config_dump?mask=bootstrap')).toContain('changed-by-test');
  });
});

describe('a new Envoy that fails costs nothing', () => {
  test('when it is refused by its own check: it is not even started', async () => {
    await begin();
    point(misbehaving('refuse', 'echo "no such field" >&2; exit 1', '--mode'));
    const { code, stderr } = await restart();
    expect(code).toBe(42);
    expect(stderr).toContain('Envoy refuses its bootstrap: no such field');
    await nothingFailed();
    expect(await proxy.status()).toMatchObject({ state: 'ready', epoch: 0, restarts: 0 });
    expect((await restart()).code).toBe(42);
    await refusalIsShown(/kuma-dp restart/, 'no such field');
    point(envoyBinary());
    expect((await restart()).stdout).toContain('epoch 1 took over');
    await noRefusalIsShown();
  });

  test('when nobody waits for the answer: the refusal shows until its cause is gone', async () => {
    await begin('--watch-binary --bootstrap-refresh 2s');
    const bad = misbehaving('refuse-watched', 'echo "no such field" >&2; exit 1', '--mode');
    point(bad);
    // Whichever looks first.
    await refusalIsShown(/changed binary|bootstrap refresh/, 'no such field');
    point(envoyBinary());
    await noRefusalIsShown();
    proxy.changeBootstrap('refused-by-test', { port: 99_999 });
    await refusalIsShown(/bootstrap refresh/, 'Envoy refuses its bootstrap');
    proxy.changeBootstrap('good-again');
    await noRefusalIsShown();
    await nothingFailed();
  });

  test('when it alone refuses a listener of the control plane: it is not started, and the listener is named', async () => {
    await begin();
    point(withoutTcpProxy());
    const { code, stderr } = await restart();
    const refused = 'Envoy refuses what the control plane sent, listener "inbound:127.0.0.1:15002": ';
    expect(stderr, agent.output()).toContain(refused);
    expect(stderr).toContain("Didn't find a registered implementation for 'envoy.filters.network.tcp_proxy'");
    expect(code).toBe(42);
    expect(agent.output()).toMatch(/no hand-over: .*inbound:127\.0\.0\.1:15002/);
    expect(agent.output()).not.toContain('new Envoy started');
    await nothingFailed();
    expect(await proxy.status()).toMatchObject({ state: 'ready', epoch: 0, restarts: 0 });
  });

  test('when it exits at its start; the next one takes over', async () => {
    await begin();
    point(misbehaving('exit', 'echo "cannot go on" >&2; exit 1', '--restart-epoch'));
    const failed = await restart();
    expect(failed.code).toBe(42);
    expect(failed.stderr).toContain('cannot go on');
    expect(await proxy.status()).toMatchObject({ state: 'ready', epoch: 0 });
    point(envoyBinary());
    expect((await restart()).stdout).toContain('epoch 1 took over');
    await nothingFailed();
  });

  test('when it is killed in the middle of its start, after it closed the admin interface of the old one', async () => {
    // A port that is taken is found out late: the admin interface has changed hands by then.
    await begin();
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(15_003, '127.0.0.1', resolve));
    proxy.changeBootstrap('taken-port', { port: 15_003 });
    const { code, stderr } = await restart();
    expect(code, agent.output()).toBe(42);
    expect(stderr).toContain('Address already in use');
    expect(stderr).toContain('rolled back');
    holder.close();
    // Whoever serves now can be asked, drained and replaced.
    await untilState(proxy, 'ready');
    await nothingFailed();
    expect(await proxy.status()).toMatchObject({ epoch: 1, restarts: 0 });
  });

  test('when it hangs: it is killed after its time, and the old one serves on', async () => {
    await begin('', { KUMA_DATAPLANE_RUNTIME_CHILD_LIVE_TIMEOUT: '2s' });
    point(misbehaving('hang', 'exec sleep 1000', '--restart-epoch'));
    const { code, stderr } = await restart();
    expect(code).toBe(42);
    expect(stderr).toContain('not live within 2 s');
    await nothingFailed();
    expect(await proxy.status()).toMatchObject({ state: 'ready', epoch: 0, restarts: 0 });
  });
});

const page = (port: number, path: string) => proxy.mesh.shell.ok(`curl -s http://127.0.0.1:${port}${path}`);

/** In everything an operator looks at, until something changes. */
async function refusalIsShown(cause: RegExp, reason: string): Promise<void> {
  const status = await waitUntil(
    async () => {
      const now = await proxy.status();
      return now.lastHandOver?.ok === false && cause.test(now.lastHandOver.cause) ? now : undefined;
    },
    { describe: () => `a refused hand-over by ${cause}:\n${agent.output()}` },
  );
  expect(status.lastHandOver?.reason).toContain(reason);
  expect(status.reason).toContain(reason);
  expect(await proxy.mesh.shell.ok('kuma-dp status web')).toMatch(/^last hand-over: .*: refused: /m);
  expect(await page(status.readinessPort, '/ready')).toMatch(/^READY\nno hand-over \(/);
  expect(await page(status.readinessPort, '/metrics')).toMatch(/^kuma_dp_hand_over_refused\{.*\} 1$/m);
}

async function noRefusalIsShown(): Promise<void> {
  const { readinessPort } = await waitUntil(async () => {
    const now = await proxy.status();
    return now.lastHandOver?.ok === true && now.state === 'ready' ? now : undefined;
  });
  expect(await page(readinessPort, '/ready')).toBe('READY\n');
  expect(await page(readinessPort, '/metrics')).toMatch(/^kuma_dp_hand_over_refused\{.*\} 0$/m);
}

/** An Envoy that does what the shell text says when it is given the flag, and is a good one otherwise. */
function misbehaving(name: string, text: string, flag: string): string {
  const path = join(proxy.mesh.home, `envoy-${name}`);
  writeFileSync(path, `#!/bin/sh\ncase "$*" in *${flag}*) ${text};; esac\nexec ${envoyBinary()} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** An Envoy that was built without the filter for TCP: to it the type of that filter is unknown. */
function withoutTcpProxy(): string {
  const forget = `LC_ALL=C sed -i 's/tcp_proxy.v3.TcpProxy/tcp_proxy.v3.TcpPr0xy/g' "$file"`;
  const path = join(proxy.mesh.home, 'envoy-without-tcp-proxy');
  const lines = [`for file; do case "$file" in *.pb) ${forget};; esac; done`, `exec ${envoyBinary()} "$@"`];
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

async function untilVersion(version: string): Promise<void> {
  await waitUntil(
    async () => {
      const { envoy, state, envoys } = await proxy.status();
      return envoy.version === version && state === 'ready' && envoys.length === 1;
    },
    { describe: () => `Envoy ${version} to serve alone:\n${agent.output()}` },
  );
}

async function countWorkers(): Promise<string | undefined> {
  return /"concurrency": (\d+)/.exec(await proxy.admin('/server_info'))?.[1];
}

/** The older Envoy is put into the clone's cache by the program's own command, which asks pip the first time. */
async function installOlder(): Promise<string> {
  const cache = clonePath('.cache');
  mkdirSync(cache, { recursive: true });
  const { code, stdout, stderr } = await runProgram(
    clonePath('dist', 'bin', 'kuma-dp'),
    ['envoy', 'install', OLDER_ENVOY],
    { env: { KUMA_DP_CACHE: cache }, timeoutMs: 150_000 },
  );
  if (code !== 0) throw new Error(`cannot install Envoy ${OLDER_ENVOY}: ${stderr}`);
  return stdout.trim();
}
