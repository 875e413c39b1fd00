import { readdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exchange } from '../../../src/lib/http-exchange.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { Bench, envoyPid, isAlive, until, untilReady } from './support/agent.ts';
import { bootstrapWith, startControlPlane } from './support/control-plane.ts';

let bench: Bench;
let cp: Awaited<ReturnType<typeof startControlPlane>>;

beforeEach(async () => {
  bench = new Bench();
  cp = await startControlPlane();
});

afterEach(async () => {
  await bench.dispose();
  await cp.close();
});

describe('while a restart waits for a control plane that does not answer', () => {
  test('an Envoy that dies is back at once, and the restart is granted later', async () => {
    const agent = bench.run(cp.url, { args: ['--binary-path', bench.fakeEnvoy().path] });
    await untilReady(agent);
    const pid = envoyPid(agent);
    const held: (() => void)[] = [];
    const answer = bootstrapWith();
    cp.answerWith((call, response) => void held.push(() => answer(call, response)));
    agent.child.kill('SIGHUP');
    await until(() => held.length > 0, agent.output);
    process.kill(pid, 'SIGKILL');
    // The request gives up after 10 s.
    await until(() => envoyPid(agent) !== pid && isAlive(envoyPid(agent)), agent.output, 4_000);
    await untilReady(agent, 4_000);
    cp.answerWith(answer);
    for (const go of held.splice(0)) go();
    await until(() => agent.output().includes('restarting Envoy'), agent.output);
  });

  test('a drain begins at once', async () => {
    const envoy = bench.fakeEnvoy();
    const agent = bench.run(cp.url, { args: ['--binary-path', envoy.path] });
    await untilReady(agent);
    const answer = bootstrapWith();
    let asked = false;
    cp.answerWith((call, response) => {
      if (call.path === '/bootstrap') asked = true;
      else answer(call, response);
    });
    agent.child.kill('SIGHUP');
    await until(() => asked, agent.output);
    agent.child.kill('SIGUSR2');
    await until(() => envoy.log().includes('POST /healthcheck/fail'), agent.output, 4_000);
  });
});

test('no Envoy is to take over from one that hangs: that is told, and a restart works once it answers', async () => {
  const envoy = bench.fakeEnvoy();
  const agent = bench.run(cp.url, { args: ['--binary-path', envoy.path] });
  await untilReady(agent);
  const pid = envoyPid(agent);
  process.kill(pid, 'SIGSTOP');
  agent.child.kill('SIGHUP');
  await until(() => agent.output().includes('no hand-over: Envoy does not answer'), agent.output, 10_000);
  expect(envoyPid(agent)).toBe(pid);
  process.kill(pid, 'SIGCONT');
  agent.child.kill('SIGHUP');
  await until(() => envoyPid(agent) !== pid, agent.output);
  await untilReady(agent);
});

test('a new binary that is refused again and again is opened once', async () => {
  const { path } = bench.fakeEnvoy();
  const agent = bench.run(cp.url, { args: ['--binary-path', path] });
  await untilReady(agent);
  renameSync(bench.fakeEnvoy({ invalid: 'no such field' }).path, path);
  const refusals = () => agent.output().match(/no hand-over: /g)?.length ?? 0;
  const refuse = async () => {
    const before = refusals();
    agent.child.kill('SIGHUP');
    await until(() => refusals() > before, agent.output);
  };
  const open = () => {
    const fds = `/proc/${agent.child.pid}/fd`;
    return readdirSync(fds).filter((fd) => readlink(join(fds, fd)).startsWith(bench.dir)).length;
  };
  await refuse();
  const files = open();
  for (let i = 0; i < 3; i++) await refuse();
  expect(open()).toBe(files);
});

/** '' for one that was closed in between. */
function readlink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

describe('a stop', () => {
  test('in the middle of a restart without hot restart waits for open connections, and is announced', async () => {
    const stats = join(bench.dir, 'stats');
    const connections = (count: number) =>
      writeFileSync(
        stats,
        `cluster_manager.cds.update_success: 1\nlistener_manager.lds.update_success: 1\nlistener_manager.workers_started: 1\nlistener.127.0.0.1_80.downstream_cx_active: ${count}\n`,
      );
    connections(1);
    const envoy = bench.fakeEnvoy({ statsFile: stats });
    const agent = bench.run(cp.url, {
      args: ['--binary-path', envoy.path, '--hot-restart=off', '--drain-time', '60s'],
    });
    await untilReady(agent);
    const pid = envoyPid(agent);
    agent.child.kill('SIGHUP');
    await until(() => envoy.log().includes('POST /healthcheck/fail'), agent.output);
    agent.child.kill('SIGTERM');
    await until(() => cp.calls.some(({ path }) => path === '/leave'), agent.output, 5_000);
    expect(isAlive(pid)).toBe(true);
    connections(0);
    expect(await agent.exited).toBe(0);
    expect(agent.output()).toContain('no connections left');
  });

  test('before the first Envoy answers who asked for a restart meanwhile', async () => {
    const agent = bench.run('http://127.0.0.1:1', { args: ['--binary-path', bench.fakeEnvoy().path] });
    const socketPath = join(bench.runDir, 'default.a', 'agent.sock');
    await until(() => agent.output().includes('no bootstrap yet'), agent.output);
    const url = new URL('http://localhost/restart');
    const answer = exchange({ url, socketPath, method: 'POST', timeoutMs: 10_000 });
    // It is under way once another is answered.
    await agent.ready();
    agent.child.kill('SIGTERM');
    expect(await answer).toMatchObject({ status: 409, body: '{"ok":false,"text":"the agent stops"}\n' });
    expect(await agent.exited).toBe(0);
  });

  test('between two starts of Envoy is announced to the control plane', async () => {
    const agent = bench.run(cp.url, {
      args: ['--binary-path', bench.fakeEnvoy({ readyAfterMs: 60_000, crashAfterMs: 50 }).path],
      env: { KUMA_DATAPLANE_RUNTIME_RESILIENT_COMPONENT_BASE_BACKOFF: '20s' },
    });
    await waitUntil(() => (agent.output().match(/ restarting /g) ?? []).length >= 2, {
      describe: agent.output,
    });
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(cp.calls.map(({ path }) => path)).toContain('/leave');
  });
});
