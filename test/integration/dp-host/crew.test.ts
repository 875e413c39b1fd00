import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exchange } from '../../../src/lib/http-exchange.ts';
import { clonePath, type RunningProgram, runProgram, startProgram } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type HostBench, openHostBench } from './support/host-bench.ts';

let bench: HostBench;
let envoy: string;

beforeEach(async () => {
  bench = await openHostBench();
  envoy = bench.fakeEnvoy({ readyAfterMs: 300 }).path;
  mkdirSync(bench.path('dps'));
});

afterEach(() => bench.dispose());

const put = (name: string) => bench.write(`dps/${name}.yaml`, `type: Dataplane\nname: ${name}\n`);
const program = (...args: string[]) => [
  clonePath('src/bin/kuma-dp.ts'),
  ...args,
  ...['--run-dir', bench.runDir],
];
const start = (env: Record<string, string> = {}, ...args: string[]): RunningProgram => {
  const own = ['--cp-address', bench.cp.url, '--state-dir', bench.path('state'), '--binary-path', envoy];
  return startProgram(process.execPath, program('run', ...own, '-d', bench.path('dps'), ...args), { env });
};
const ask = async (...args: string[]) => runProgram(process.execPath, program(...args));

describe('the service manager of several proxies', () => {
  let manager: RunningProgram;
  const messages = () => manager.stdout().split('\n').filter(Boolean);

  beforeEach(async () => {
    manager = startProgram('python3', [clonePath('test/fixtures/notify-socket.py'), bench.path('notify')]);
    await manager.waitForLine('BOUND');
  });

  test('is told READY once, when all that can start are ready, and how many serve', async () => {
    for (const name of ['a', 'b']) put(name);
    bench.write('dps/broken.yaml', 'type: Nothing\n');
    const agent = start({ NOTIFY_SOCKET: bench.path('notify'), WATCHDOG_USEC: '2000000' });
    await manager.waitForLine('WATCHDOG=1');
    await waitUntil(() => messages().some((line) => line.includes('READY=1')));
    expect(messages().find((line) => line.includes('READY=1'))).toMatch(
      /STATUS=2 of 3 ready; .*broken\.yaml type must/,
    );
    agent.signal('SIGHUP');
    await waitUntil(() => messages().some((line) => line.includes('RELOADING=1')));
    await waitUntil(() => messages().filter((line) => line.includes('READY=1')).length === 2);
    expect((await agent.stop()).code).toBe(0);
    // What it sent last may still be on its way through the receiver.
    await waitUntil(() => messages().some((line) => line.includes('STOPPING=1')));
    const told = messages().filter((line) => !line.includes('WATCHDOG=1'));
    expect(told.filter((line) => line.includes('STOPPING=1'))).toEqual([told.at(-1)]);
  });
});

describe('one of several proxies that cannot run', () => {
  test('is failed in the status with the reason, hinders nobody, and runs once it can', async () => {
    const other = bench.run(envoy, []);
    await other.waitForLine('kuma-dp ready');
    for (const name of ['a', 'b']) put(name);
    const agent = start();
    await agent.waitForLine('1 of 2 ready');
    // In the middle of a further try it is not failed, but has not gone either.
    const seen = await waitUntil(async () => {
      const { stdout } = await ask('status', '-o', 'json');
      const all = (JSON.parse(stdout) as { name: string; state: string; reason: string }[]).map(
        ({ name, state, reason }) => `${name} ${state} ${reason}`,
      );
      expect(all).toHaveLength(3);
      return all.some((line) => line.startsWith('a failed')) ? all : undefined;
    });
    expect(seen.toSorted()).toEqual([
      expect.stringMatching(
        /^a failed an agent for this proxy is already running as process \d+ .*next try at /,
      ),
      'a ready ',
      'b ready ',
    ]);
    const { body } = await exchange({
      url: new URL('http://localhost/metrics'),
      socketPath: join(bench.runDir, `_crew.${agent.pid}`, 'agent.sock'),
      timeoutMs: 5_000,
    });
    expect(body).toMatch(/^kuma_dp_ready\{mesh="default",name="a"\} 0$/m);
    expect(body).toMatch(/^kuma_dp_ready\{mesh="default",name="b"\} 1$/m);
    expect(body.match(/^# TYPE kuma_dp_ready /gm)).toHaveLength(1);
    const wait = await ask('wait', '--timeout', '2s', '--request-timeout', '5s');
    expect(wait.stderr).toMatch(/1 of 2 ready; default\.a: (failed|locating)/);
    expect((await ask('wait', '--name', 'b', '--timeout', '20s', '--request-timeout', '5s')).code).toBe(0);
    await other.stop();
    // It may be in the middle of a further try by itself.
    expect((await ask('restart', 'a')).code).toBe(0);
    await agent.waitForLine('2 of 2 ready');
    expect((await agent.stop()).code).toBe(0);
    expect(bench.leftovers()).toEqual([]);
  });

  test('is tried no more when somebody says stop, can be asked for its log, and goes with its file', async () => {
    for (const name of ['a', 'b']) put(name);
    bench.write('dps/a.token', 'two words');
    const agent = start();
    await agent.waitForLine('1 of 2 ready');
    // It may be in the middle of a further try by itself.
    await waitUntil(async () => (await ask('drain', 'a')).stderr.includes('it does not run: '));
    // It may be in the middle of a further try, which ends then.
    expect((await ask('stop', 'a')).stdout).toMatch(/not tried again|stopped; kuma-dp restart/);
    await agent.waitForLine('1 of 1 ready; default.a: stopped');
    expect((await ask('logs', 'a')).stdout).toMatch(/this proxy cannot run.*must hold one token/);
    expect((await ask('status', 'a')).stdout).toMatch(/default +a +stopped/);
    rmSync(bench.path('dps/a.yaml'));
    await agent.waitForLine('a.yaml is gone');
    await waitUntil(async () => !(await ask('status')).stdout.includes('stopped'));
    expect((await agent.stop()).code).toBe(0);
  });
});

test('a second signal ends all of several proxies at once', async () => {
  for (const name of ['a', 'b', 'c']) put(name);
  const agent = start({}, '--drain-time', '60s');
  await agent.waitForLine('3 of 3 ready');
  agent.signal('SIGTERM');
  await agent.waitForLine('draining');
  agent.signal('SIGTERM');
  expect((await agent.exited).code).toBe(0);
  expect(bench.leftovers()).toEqual([]);
});

test('a token beside a file is that of its proxy alone', async () => {
  for (const name of ['a', 'b']) put(name);
  bench.write('dps/a.token', 'token-of-a\n');
  bench.write('shared', 'token-of-all\n');
  const agent = start({}, '--dataplane-token-file', bench.path('shared'));
  await agent.waitForLine('2 of 2 ready');
  const tokens = bench.cp.calls
    .filter(({ path }) => path === '/bootstrap')
    .map(({ body }) => `${String(body.name)} ${String(body.dataplaneToken)}`);
  expect([...new Set(tokens)].toSorted()).toEqual(['a token-of-a', 'b token-of-all']);
  expect((await agent.stop()).code).toBe(0);
});

test('the doctor looks at each file of a directory, and finds ports that two of them want', async () => {
  const inbound = 'networking:\n  address: 127.0.0.1\n  inbound: [{port: 1, servicePort: 2}]\n';
  for (const name of ['a', 'b'])
    bench.write(`dps/${name}.yaml`, `type: Dataplane\nname: ${name}\n${inbound}`);
  bench.write('dps/c.yaml', 'type: Mesh\n');
  const { code, stdout } = await ask('doctor', '--cp-address', bench.cp.url, '-d', bench.path('dps'));
  expect(stdout).toMatch(/c\.yaml: type must be Dataplane, got "Mesh"/);
  expect(stdout).toMatch(
    /default\.b: networking\.inbound\[0\]: 127\.0\.0\.1:1 is the inbound port of default\.a: networking\.inbound\[0\], too/,
  );
  expect(code).toBe(2);
});
