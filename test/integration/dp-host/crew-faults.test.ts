import { mkdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exchange } from '../../../src/lib/http-exchange.ts';
import { peekDirectory, peekLink } from '../../../src/lib/peek.ts';
import { clonePath, type RunningProgram, runProgram, startProgram } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { FakeEnvoy } from '../dp/support/agent.ts';
import { bootstrapWith } from '../dp/support/control-plane.ts';
import { type HostBench, openHostBench } from './support/host-bench.ts';

interface Status {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly pid: number;
}

let bench: HostBench;
let agent: RunningProgram;

beforeEach(async () => {
  bench = await openHostBench();
  mkdirSync(bench.path('dps'));
  for (const name of ['a', 'b']) bench.write(`dps/${name}.yaml`, `type: Dataplane\nname: ${name}\n`);
});

afterEach(() => bench.dispose());

const program = (...args: string[]) => [
  clonePath('src/bin/kuma-dp.ts'),
  ...args,
  ...['--run-dir', bench.runDir],
];

function start(...args: string[]): RunningProgram {
  return startWith(bench.fakeEnvoy(), ...args);
}

function startWith(envoy: FakeEnvoy, ...args: string[]): RunningProgram {
  const own = ['--cp-address', bench.cp.url, '--state-dir', bench.path('state')];
  const binary = ['--binary-path', envoy.path];
  agent = startProgram(process.execPath, program('run', ...own, ...binary, '-d', bench.path('dps'), ...args));
  return agent;
}

async function statusOf(name: string): Promise<Status> {
  const { stdout } = await runProgram(process.execPath, program('status', '-o', 'json'));
  const found = (JSON.parse(stdout) as Status[]).find((status) => status.name === name);
  if (found === undefined) throw new Error(`no ${name} in ${stdout}`);
  return found;
}

const until = (condition: () => Promise<boolean>, what: string) =>
  waitUntil(condition, { describe: () => `${what}\n${agent.output().slice(-6_000)}` });

/** Takes the names under which new files come to be in the directory of a proxy: as on a disk that is full. */
function fill(name: string): { empty(): void } {
  const files = ['envoy.json', 'kept.json', 'accepted.pb', 'hot-restart.json'];
  for (let slot = 0; slot < 10; slot++) files.push(`bootstrap.${slot}.json`);
  const dirs = files.map((file) => join(bench.runDir, `default.${name}`, `${file}.${agent.pid}`));
  for (const dir of dirs) mkdirSync(dir, { recursive: true });
  return {
    empty() {
      for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
    },
  };
}

describe('a run directory that cannot be written any more', () => {
  test('costs no Envoy: a restart is refused, a crash is waited out, and the other proxies notice nothing', async () => {
    start();
    await agent.waitForLine('2 of 2 ready');
    const [a, b] = [await statusOf('a'), await statusOf('b')];
    const filled = fill('a');
    const restart = await runProgram(process.execPath, program('restart', 'a'));
    expect(restart.stderr, agent.output()).toContain('cannot be written');
    expect(await statusOf('a')).toMatchObject({ state: 'ready', pid: a.pid });
    process.kill(a.pid, 'SIGKILL');
    await until(async () => (await statusOf('a')).reason.includes('cannot be written'), 'the reason');
    expect(await statusOf('b')).toMatchObject({ state: 'ready', pid: b.pid });
    filled.empty();
    await until(async () => (await statusOf('a')).state === 'ready', 'a to serve again');
    expect(agent.output()).not.toContain('this proxy cannot run');
    expect((await statusOf('b')).pid).toBe(b.pid);
    expect((await agent.stop()).code).toBe(0);
    expect(bench.leftovers()).toEqual([]);
  });
});

describe('SIGHUP for several proxies', () => {
  test('restarts those that serve, although one still waits for the control plane', async () => {
    const answer = bootstrapWith();
    bench.cp.answerWith((call, response) => {
      if (call.body.name === 'a') response.writeHead(503).end();
      else answer(call, response);
    });
    start();
    await until(async () => (await statusOf('b')).state === 'ready', 'b to serve');
    for (let round = 0; round < 2; round++) {
      const { pid } = await statusOf('b');
      agent.signal('SIGHUP');
      await until(async () => {
        const now = await statusOf('b');
        return now.state === 'ready' && now.pid !== pid;
      }, 'another Envoy of b');
    }
    expect((await agent.stop()).code).toBe(0);
  });
});

test('SIGHUP in the middle of a round is not lost: another round follows', async () => {
  const envoy = bench.fakeEnvoy({ readyFile: bench.path('go') });
  bench.write('go', '');
  startWith(envoy);
  await agent.waitForLine('2 of 2 ready');
  const starts = () => envoy.log().filter((line) => line.startsWith('serve')).length;
  rmSync(bench.path('go'));
  agent.signal('SIGHUP');
  await until(async () => starts() === 3, 'the first to be restarted');
  agent.signal('SIGHUP');
  // Signals are delivered in the order of the kernel, answers of the agent come after that.
  await statusOf('b');
  bench.write('go', '');
  await until(async () => starts() === 6, 'both to be restarted twice');
  await until(async () => (await statusOf('b')).state === 'ready', 'the end of it');
  expect((await agent.stop()).code).toBe(0);
});

test('the socket of several proxies knows all of them, so that none is missed just when it starts or ends', async () => {
  start();
  await agent.waitForLine('2 of 2 ready');
  const { body } = await exchange({
    url: new URL('http://localhost/status'),
    socketPath: join(bench.runDir, `_crew.${agent.pid}`, 'agent.sock'),
    timeoutMs: 20_000,
  });
  expect((JSON.parse(body) as Status[]).map(({ name }) => name)).toEqual(['a', 'b']);
  const { stdout } = await runProgram(process.execPath, program('status', '-o', 'json'));
  const shown = (JSON.parse(stdout) as Status[]).map(({ name, pid }) => [name, pid > 0]);
  expect(shown).toEqual([
    ['a', true],
    ['b', true],
  ]);
});

test('a proxy that fails again and again leaves no file open', async () => {
  const answer = bootstrapWith();
  bench.cp.answerWith((call, response) => {
    if (call.body.name === 'a') response.writeHead(422).end('no');
    else answer(call, response);
  });
  start();
  await agent.waitForLine('1 of 2 ready');
  const open = () =>
    peekDirectory(`/proc/${agent.pid}/fd`).map((fd) => peekLink(`/proc/${agent.pid}/fd/${fd}`));
  const attempts = () => bench.cp.calls.filter(({ body }) => body.name === 'a').length;
  for (let round = 0; round < 4; round++) {
    const before = attempts();
    agent.signal('SIGHUP');
    await until(async () => attempts() > before, 'a further try');
  }
  // One is that of b; in the middle of a further try, as there is one each second, a has one, too.
  const ofEnvoys = () => open().filter((path) => path.includes('fake-envoy'));
  await until(async () => ofEnvoys().length === 1, 'the end of the last try');
  expect((await agent.stop()).code).toBe(0);
});

test('a path that nobody can read is not found on the socket of several proxies, and ends none of them', async () => {
  start();
  await agent.waitForLine('2 of 2 ready');
  const socketPath = join(bench.runDir, `_crew.${agent.pid}`, 'agent.sock');
  const status = await new Promise((resolve, reject) => {
    request({ socketPath, path: '/proxies/%zz/status' }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(404);
  expect((await statusOf('a')).state).toBe('ready');
  expect((await agent.stop()).code).toBe(0);
});
