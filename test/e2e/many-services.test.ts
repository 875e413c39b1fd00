import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envoyBinary, type RunningProgram, survivors, waitUntil } from '../support/processes.ts';
import { dataplaneYaml, INSTANCES, type Instance } from './support/bookinfo.ts';
import { call } from './support/calls.ts';
import { startLoad } from './support/load.ts';
import { createTestMesh, MESH, type TestMesh } from './support/mesh.ts';

interface Status {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly pid: number;
  readonly agentPid: number;
  readonly epoch: number;
}

let mesh: TestMesh;
let agent: RunningProgram;
let dir: string;
let before = 0;

/** Six starts at once, or six hand-overs in a row. */
const MANY_MS = 120_000;
const READINESS = 9_990;
const PAGE = 'http://127.0.0.1:10501/productpage';
const file = (name: string) => join(dir, `${name}.yaml`);
const textOf = (instance: Instance) => dataplaneYaml(instance).replaceAll('$IP', '127.0.0.1');
const instanceOf = (name: string) => INSTANCES.find((i) => i.name === name) as Instance;

/** As editors and tools do: whole, beside it, then renamed over. */
function write(name: string, text: string): void {
  writeFileSync(join(dir, `.${name}.new`), text);
  renameSync(join(dir, `.${name}.new`), file(name));
}

async function statuses(): Promise<ReadonlyMap<string, Status>> {
  const all = JSON.parse(await mesh.shell.ok('kuma-dp status -o json')) as Status[];
  return new Map(all.map((status) => [status.name, status]));
}

const stateOf = async (name: string) => (await statuses()).get(name)?.state;
const until = (condition: () => Promise<boolean>, what: string) =>
  waitUntil(condition, { timeoutMs: MANY_MS, describe: () => `${what}\n${agent.output().slice(-8_000)}` });

beforeAll(async () => {
  mesh = await createTestMesh();
  await mesh.startControlPlane();
  await mesh.apply(`type: Mesh\nname: ${MESH}`);
  for (const instance of INSTANCES) await mesh.startService(instance);
  dir = join(mesh.home, 'dataplanes');
  mkdirSync(dir);
  for (const instance of INSTANCES) write(instance.name, textOf(instance));
  before = survivors().length;
  agent = mesh.shell.start(`kuma-dp run -d ${dir} --readiness-port ${READINESS}`);
  await agent.waitForLine('6 of 6 ready', { timeoutMs: MANY_MS });
});

afterAll(() => mesh.close());

describe('the six services of Bookinfo under one agent, from a directory of six files', () => {
  test('give the whole page, with stars from ratings and every version of the reviews', async () => {
    const seen = new Set<string>();
    await waitUntil(async () => {
      const { outcome, body } = await call(PAGE);
      expect(outcome).toBe(200);
      const [, version = ''] = /(reviews-v\d)/.exec(body) ?? [];
      seen.add(version);
      return seen.size === 3;
    });
    const all = [...(await statuses()).values()];
    expect(all.map(({ state }) => state)).toEqual(Array(6).fill('ready'));
    expect(new Set(all.map(({ agentPid }) => agentPid)).size).toBe(1);
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(6);
  });

  test('are told apart in the log, and answer together on the port that was asked for', async () => {
    const logs = await mesh.shell.ok('kuma-dp logs reviews-v2');
    expect(logs).toMatch(/^envoy bookinfo\.reviews-v2 \[/m);
    expect(logs).toMatch(/ kuma-dp ready .*proxy=bookinfo\.reviews-v2/);
    expect(logs).not.toContain('reviews-v3');
    const ready = await call(`http://127.0.0.1:${READINESS}/ready`);
    expect(ready.outcome).toBe(200);
    expect(ready.body).toMatch(/^6 of 6 ready\n/);
    expect(ready.body.split('\n')).toHaveLength(8);
    const { body: metrics } = await call(`http://127.0.0.1:${READINESS}/metrics`);
    expect(metrics.match(/^kuma_dp_ready\{/gm)).toHaveLength(6);
    expect(metrics.match(/^# TYPE kuma_dp_ready /gm)).toHaveLength(1);
    expect(await mesh.shell.ok('kuma-dp wait --timeout 5s')).toContain('bookinfo.details-v1 is ready');
  });

  test('do not notice five edits of the directory under load', async () => {
    const loads = [startLoad(PAGE, 2), startLoad('http://127.0.0.1:10501/productpage?u=test', 2)];
    const pids = await statuses();
    const extra: Instance = { ...instanceOf('ratings-v1'), name: 'extra-v1', service: 'extra', port: 10_000 };
    const extraText = textOf(extra).replaceAll(':10001:', ':10801:');
    const changed = textOf(extra).replaceAll(':10001:', ':10802:');

    write('extra', extraText);
    await until(async () => (await stateOf('extra-v1')) === 'ready', 'the added one to be ready');
    expect((await call('http://127.0.0.1:10801/ratings/0')).outcome).toBe(200);

    const { pid } = (await statuses()).get('extra-v1') as Status;
    write('extra', changed);
    await until(async () => (await call('http://127.0.0.1:10802/ratings/0')).outcome === 200, 'its new port');
    expect((await statuses()).get('extra-v1')).toMatchObject({ pid, epoch: 0 });

    renameSync(file('extra'), file('renamed'));
    writeFileSync(file('details-v1'), 'type: Dataplane\nname: [');
    await agent.waitForLine('bookinfo.details-v1 runs on with what it said before');
    write('details-v1', textOf(instanceOf('details-v1')));
    await agent.waitForLine('details-v1.yaml is in order again');
    expect((await statuses()).get('extra-v1')).toMatchObject({ pid, state: 'ready' });

    rmSync(file('renamed'));
    await until(async () => !(await statuses()).has('extra-v1'), 'the removed one to be gone');
    await until(async () => !(await mesh.statuses()).has('extra-v1'), 'its Dataplane to be removed');
    await Promise.all(loads.map((load) => load.end()));
    expect(loads.flatMap(({ failures }) => failures)).toEqual([]);
    expect(loads.every(({ calls }) => calls > 20)).toBe(true);
    for (const [name, { pid: same }] of await statuses())
      expect({ name, pid: same }).toEqual({ name, pid: pids.get(name)?.pid });
  });

  test('lose only the one whose Envoy is killed, and that for a moment', async () => {
    const killed = (await statuses()).get('ratings-v1') as Status;
    const load = startLoad('http://127.0.0.1:10101/details/0', 2);
    process.kill(killed.pid, 'SIGKILL');
    await until(
      async () => (await call('http://127.0.0.1:10001/ratings/0')).outcome === 200,
      'it to be back',
    );
    await load.end();
    expect(load.failures).toEqual([]);
    expect((await statuses()).get('ratings-v1')?.pid).not.toBe(killed.pid);
  });

  test('serve on beside a file that cannot be used, which is named in status and readiness', async () => {
    write('broken', 'type: Dataplane\nmesh: bookinfo\n');
    write('twice', textOf(instanceOf('reviews-v1')));
    await agent.waitForLine('names the proxy bookinfo.reviews-v1, which');
    const all = await statuses();
    expect(all.get('broken.yaml')).toMatchObject({ state: 'failed' });
    expect(all.get('broken.yaml')?.reason).toContain('name is missing');
    expect(all.get('reviews-v1')?.state).toBe('ready');
    const ready = await call(`http://127.0.0.1:${READINESS}/ready`);
    expect(ready.outcome).toBe(503);
    expect(ready.body).toMatch(/^6 of 8 ready; .*broken\.yaml name is missing/);
    expect((await call(PAGE)).outcome).toBe(200);
    for (const name of ['broken', 'twice']) rmSync(file(name));
    await until(async () => (await call(`http://127.0.0.1:${READINESS}/ready`)).outcome === 200, '6 of 6');
  });

  test('can be stopped and started one by one', async () => {
    expect(await mesh.shell.ok('kuma-dp stop reviews-v3')).toContain('starts it again');
    expect(await stateOf('reviews-v3')).toBe('stopped');
    expect((await call(PAGE)).outcome).toBe(200);
    await mesh.shell.ok('kuma-dp restart reviews-v3');
    await until(async () => (await stateOf('reviews-v3')) === 'ready', 'it to be ready again');
  });

  test('hot-restart one after the other on SIGHUP without a failed request', async () => {
    const load = startLoad(PAGE, 2);
    agent.signal('SIGHUP');
    await until(
      async () =>
        [...(await statuses()).values()].every(({ epoch, state }) => epoch > 0 && state === 'ready'),
      'all to be of a later epoch',
    );
    await load.end();
    expect(load.failures).toEqual([]);
  });

  test('leave nothing behind when the agent is told to stop', async () => {
    expect((await agent.stop()).code).toBe(0);
    expect(survivors().length).toBe(before);
    const run = join(mesh.home, 'run');
    expect(existsSync(run) ? readdirSync(run) : []).toEqual([]);
    await until(async () => (await mesh.statuses()).size === 0, 'all Dataplanes to be removed');
  });
});

describe('a new binary for several services with --watch-binary', () => {
  test('is taken up by one Envoy after the other, without a failed request', async () => {
    const binary = join(mesh.home, 'envoy-of-today');
    const install = (day: number) => {
      writeFileSync(`${binary}.new`, `#!/bin/sh\n# ${day}\nexec '${envoyBinary()}' "$@"\n`, { mode: 0o755 });
      renameSync(`${binary}.new`, binary);
    };
    install(1);
    agent = mesh.shell.start(`kuma-dp run -d ${dir} --watch-binary --binary-path ${binary}`);
    await agent.waitForLine('6 of 6 ready', { timeoutMs: MANY_MS });
    const load = startLoad(PAGE, 2);
    install(2);
    await until(
      async () =>
        [...(await statuses()).values()].every(({ epoch, state }) => epoch === 1 && state === 'ready'),
      'all to be of the next epoch',
    );
    await load.end();
    expect(load.failures).toEqual([]);
    const steps = agent.output().match(/restarting Envoy .*changed binary|the new Envoy serves/g) ?? [];
    expect(steps.map((step) => step.slice(0, 10))).toEqual(
      Array(6).fill(['restarting', 'the new En']).flat(),
    );
    expect((await agent.stop()).code).toBe(0);
  });
});

describe('the Envoys of several services with --keep-envoy', () => {
  const start = async () => {
    agent = mesh.shell.start(`kuma-dp run -d ${dir} --keep-envoy`);
    await agent.waitForLine('6 of 6 ready', { timeoutMs: MANY_MS });
  };
  const pidsByName = async () => new Map([...(await statuses())].map(([name, { pid }]) => [name, pid]));

  test('serve on while their one agent is killed or exchanged, and are all adopted by the next', async () => {
    await start();
    const pids = await pidsByName();
    const load = startLoad(PAGE, 2);
    agent.signal('SIGKILL');
    await agent.exited;
    await start();
    expect(await pidsByName()).toEqual(pids);
    expect(await mesh.shell.ok('kuma-dp detach')).toContain('6 of 6 Envoys serve on');
    expect((await agent.exited).code).toBe(0);
    await start();
    expect(await pidsByName()).toEqual(pids);
    await load.end();
    expect(load.failures).toEqual([]);
    expect((await agent.stop()).code).toBe(0);
    expect(survivors().length).toBe(before);
  });
});

describe('an application that starts with several proxies', () => {
  test('starts when all of them are ready, and ends after the connections of all and before their Envoys', async () => {
    const files = ['ratings-v1', 'details-v1'].map((name) => `-d ${file(name)}`).join(' ');
    const both = 'curl -sf http://127.0.0.1:10001/ratings/0 && curl -sf http://127.0.0.1:10101/details/0';
    const script = `trap "${both} && echo bye; exit 5" TERM; ${both} && echo hello; while :; do sleep 0.05; done`;
    agent = mesh.shell.start(`kuma-dp run ${files} -- sh -c '${script}'`);
    await agent.waitForLine(/hello$/);
    expect(agent.stdout()).not.toContain('kuma-dp');
    expect((await agent.stop()).code).toBe(5);
    expect(agent.stdout()).toMatch(/bye\n$/);
    expect(survivors().length).toBe(before);
  });
});

describe('settings of several services', () => {
  const refused = async (args: string) => {
    const { code, stderr } = await mesh.shell.run(`kuma-dp run ${args}`);
    return `${code} ${stderr}`;
  };

  test('that only one can have are refused, each with the reason', async () => {
    const text = await refused(`-d ${dir} --admin-port 9901 --name x --app-health tcp://127.0.0.1:1`);
    expect(text).toMatch(/^2 /);
    for (const flag of ['--admin-port: is one port', '--name: names one proxy', '--app-health: checks one'])
      expect(text).toContain(`kuma-dp: ${flag}`);
  });

  test('are an error when files were named and none of them can be used', async () => {
    writeFileSync(join(mesh.home, 'bad.yaml'), 'type: Mesh\n');
    const text = await refused(`-d ${join(mesh.home, 'bad.yaml')} -d ${join(mesh.home, 'away.yaml')}`);
    expect(text).toMatch(
      /^2 kuma-dp: .*bad\.yaml: type must be Dataplane, got "Mesh"\nkuma-dp: .*away\.yaml: /,
    );
  });

  test('may name an empty directory, which is waited for', async () => {
    const empty = join(mesh.home, 'empty');
    mkdirSync(empty);
    const runDir = join(mesh.home, 'empty-run');
    agent = mesh.shell.start(`kuma-dp run -d ${empty} --run-dir ${runDir}`);
    await agent.waitForLine(`no Dataplane in ${empty} yet`);
    const { code, stderr } = await mesh.shell.run(`kuma-dp status --run-dir ${runDir}`);
    expect(`${code} ${stderr}`).toContain('runs without any proxy');
    writeFileSync(join(empty, 'one.yaml'), textOf(instanceOf('ratings-v1')));
    await agent.waitForLine('1 of 1 ready');
    expect((await agent.stop()).code).toBe(0);
  });
});
