import { readdirSync, readlinkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exchange } from '../../../src/lib/http-exchange.ts';
import { writePrivateFile } from '../../../src/lib/private-file.ts';
import { nobodyAt } from '../../support/ports.ts';
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
    let given = false;
    cp.answerWith((call, response) => {
      held.push(() => answer(call, response));
      response.once('close', () => (given = true));
    });
    agent.child.kill('SIGHUP');
    await until(() => held.length > 0, agent.output);
    process.kill(pid, 'SIGKILL');
    await until(() => envoyPid(agent) !== pid && isAlive(envoyPid(agent)), agent.output);
    await untilReady(agent);
    // Not even given up, which the agent does after 10 s.
    expect(given).toBe(false);
    cp.answerWith(answer);
    for (const go of held.splice(0)) go();
    await until(() => agent.output().includes('restarting Envoy'), agent.output);
  });

  test('a drain begins at once', async () => {
    const envoy = bench.fakeEnvoy();
    const agent = bench.run(cp.url, { args: ['--binary-path', envoy.path] });
    await untilReady(agent);
    const answer = bootstrapWith();
    let [asked, given] = [false, false];
    cp.answerWith((call, response) => {
      if (call.path !== '/bootstrap') return answer(call, response);
      asked = true;
      response.once('close', () => (given = true));
    });
    agent.child.kill('SIGHUP');
    await until(() => asked, agent.output);
    agent.child.kill('SIGUSR2');
    await until(() => envoy.log().includes('POST /healthcheck/fail'), agent.output);
    // Not even given up, which the agent does after 10 s.
    expect(given).toBe(false);
  });
});

test('no Envoy is to take over from one that hangs: that is told, and a restart works once it answers', async () => {
  const envoy = bench.fakeEnvoy();
  // However long the machine takes, it is not killed for its silence.
  const agent = bench.run(cp.url, { args: ['--binary-path', envoy.path, '--envoy-silence-timeout', '10m'] });
  await untilReady(agent);
  const pid = envoyPid(agent);
  process.kill(pid, 'SIGSTOP');
  agent.child.kill('SIGHUP');
  await until(() => agent.output().includes('no hand-over: Envoy does not answer'), agent.output);
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
  await until(
    () => open() <= files,
    () => `${open()} files open, no longer ${files}`,
  );
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
    // In one step: half a file would have no connections.
    const connections = (count: number) =>
      writePrivateFile(
        stats,
        `cluster_manager.cds.update_success: 1\nlistener_manager.lds.update_success: 1\nlistener_manager.workers_started: 1\nlistener.127.0.0.1_80.downstream_cx_active: ${count}\n`,
      );
    connections(1);
    const envoy = bench.fakeEnvoy({ statsFile: stats });
    const agent = bench.run(cp.url, {
      args: ['--binary-path', envoy.path, '--hot-restart=off', '--drain-time', '10m'],
    });
    await untilReady(agent);
    const pid = envoyPid(agent);
    agent.child.kill('SIGHUP');
    await until(() => envoy.log().includes('POST /healthcheck/fail'), agent.output);
    agent.child.kill('SIGTERM');
    await until(() => cp.calls.some(({ path }) => path === '/leave'), agent.output);
    expect(isAlive(pid)).toBe(true);
    connections(0);
    expect(await agent.exited).toBe(0);
    expect(agent.output()).toContain('no connections left');
  });

  test('before the first Envoy answers who asked for a restart meanwhile', async () => {
    const agent = bench.run(await nobodyAt(), { args: ['--binary-path', bench.fakeEnvoy().path] });
    const socketPath = join(bench.runDir, 'default.a', 'agent.sock');
    await until(() => agent.output().includes('no bootstrap yet'), agent.output);
    const url = new URL('http://localhost/restart');
    const answer = exchange({ url, socketPath, method: 'POST', timeoutMs: 30_000 });
    // It is under way once another is answered.
    await agent.ready();
    agent.child.kill('SIGTERM');
    expect(await answer).toMatchObject({ status: 409, body: '{"ok":false,"text":"the agent stops"}\n' });
    expect(await agent.exited).toBe(0);
  });

  test('between two starts of Envoy is announced to the control plane', async () => {
    const envoy = bench.fakeEnvoy({ readyFile: join(bench.dir, 'never'), crashAfterMs: 50 });
    const agent = bench.run(cp.url, {
      args: ['--binary-path', envoy.path],
      env: {
        KUMA_DATAPLANE_RESILIENT_COMPONENT_BASE_BACKOFF: '10m',
        KUMA_DATAPLANE_RESILIENT_COMPONENT_MAX_BACKOFF: '10m',
      },
    });
    // The first restart is immediate.
    await until(() => (agent.output().match(/ restarting /g) ?? []).length >= 2, agent.output);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(envoy.log().filter((line) => line.startsWith('serve'))).toHaveLength(2);
    await until(() => cp.calls.some(({ path }) => path === '/leave'), agent.output);
  });
});
