import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writePrivateFile } from '../../../src/lib/private-file.ts';
import { Bench, envoyPid, isAlive, until, untilReady } from './support/agent.ts';
import { bootstrapWith, startControlPlane } from './support/control-plane.ts';

/** What an Envoy with a whole configuration counts. */
const SERVES =
  'cluster_manager.cds.update_success: 1\nlistener_manager.lds.update_success: 1\nlistener_manager.workers_started: 1\n';

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

describe('start and stop', () => {
  test('an agent validates, starts Envoy, is ready, leaves the mesh, drains and leaves no file behind', async () => {
    const envoy = bench.fakeEnvoy();
    const agent = bench.run(cp.url, { args: ['--binary-path', envoy.path] });
    await untilReady(agent);
    expect(cp.calls[0]).toMatchObject({
      path: '/bootstrap',
      body: { mesh: 'default', name: 'a', proxyType: 'dataplane' },
    });
    expect(cp.calls[0]?.body.readinessPort).toBeGreaterThan(0);
    const pid = envoyPid(agent);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(isAlive(pid)).toBe(false);
    // The agent does not wait for long for the control plane of this process to read what it said.
    await until(() => cp.calls.length > 1, agent.output);
    expect(cp.calls.map((c) => c.path)).toEqual(['/bootstrap', '/leave']);
    // Each once: what is not answered in time, as on a machine that stood still, is asked again.
    expect([...new Set(envoy.log().map((l) => l.replace(/ \d+$/, '')))]).toEqual([
      'validate',
      'serve',
      'POST /healthcheck/fail',
      'POST /drain_listeners?graceful&skip_exit',
    ]);
    expect(bench.leftovers()).toEqual([]);
  });

  test('readiness says what is missing until Envoy is live, and 404 for any other path', async () => {
    const readyFile = join(bench.dir, 'live');
    const agent = bench.run(cp.url, { args: ['--binary-path', bench.fakeEnvoy({ readyFile }).path] });
    const early = await until(async () => {
      const answer = await agent.ready();
      return answer.body.includes('INITIALIZING') && answer;
    }, agent.output);
    expect(early.status).toBe(503);
    writeFileSync(readyFile, '');
    await untilReady(agent);
    const port = /127\.0\.0\.1:(\d+)\/ready/.exec(agent.output())?.[1];
    expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200);
    for (const path of ['/', '/ready/', '/ready?x', '/stats', '/quitquitquit', '/ready/../stats']) {
      expect((await fetch(`http://127.0.0.1:${port}${path}`)).status, path).toBe(404);
    }
    expect((await fetch(`http://127.0.0.1:${port}/ready`, { method: 'POST' })).status).toBe(405);
  });

  test('a second signal ends it at once, with Envoy reaped, even when Envoy ignores SIGTERM', async () => {
    const statsFile = join(bench.dir, 'stats');
    writePrivateFile(statsFile, `${SERVES}listener.127.0.0.1_80.downstream_cx_active: 1\n`);
    const { path } = bench.fakeEnvoy({ ignoreTerm: true, statsFile });
    const agent = bench.run(cp.url, { args: ['--binary-path', path, '--drain-time', '50s'] });
    await untilReady(agent);
    const pid = envoyPid(agent);
    agent.child.kill('SIGTERM');
    await until(() => agent.output().includes('draining'), agent.output);
    const at = performance.now();
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    // One signal leaves connections 50 s, and an Envoy that is to end 5 s.
    expect(performance.now() - at).toBeLessThan(4_500);
    expect(isAlive(pid)).toBe(false);
    expect(bench.leftovers()).toEqual([]);
  });

  test('a stop while the control plane is silent ends the agent at once and cleanly', async () => {
    cp.answerWith(() => {});
    const agent = bench.run(cp.url, { args: ['--binary-path', bench.fakeEnvoy().path] });
    await until(() => cp.calls.length > 0, agent.output);
    agent.child.kill('SIGINT');
    expect(await agent.exited).toBe(0);
    expect(bench.leftovers()).toEqual([]);
  });
});

describe('an Envoy that misbehaves', () => {
  test('is started again after each crash, and the agent is ready again', async () => {
    const envoy = bench.fakeEnvoy({ crashAfterMs: 300, crashes: 3 });
    const agent = bench.run(cp.url, { args: ['--binary-path', envoy.path] });
    await until(() => envoy.log().filter((l) => l.startsWith('serve')).length === 4, agent.output);
    await untilReady(agent);
    expect(agent.output()).toContain('exit code 7');
    expect(agent.output().match(/ restarting /g)).toHaveLength(3);
    // What Envoy took once is not checked again: a crash is to cost as little time as possible.
    expect(envoy.log().filter((l) => l === 'validate')).toHaveLength(1);
  });

  test('prints far more than a pipe holds while nobody reads the log: it serves on, and what was left out is told', async () => {
    const agent = bench.run(cp.url, { args: ['--binary-path', bench.fakeEnvoy({ chatty: 60_000 }).path] });
    agent.child.stdout?.pause();
    await untilReady(agent);
    agent.child.stdout?.resume();
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(agent.output()).toContain('envoy line 0 ');
    expect(agent.output()).toContain('log lines left out');
  });

  test('has its log passed on with a prefix, without the long list of extensions', async () => {
    const agent = bench.run(cp.url, { args: ['--binary-path', bench.fakeEnvoy().path] });
    await untilReady(agent);
    await until(() => /^envoy \[.*initializing epoch 0$/m.test(agent.output()), agent.output);
    expect(agent.output()).not.toContain('envoy.filters.http: none');
  });

  test('has its plain lines wrapped when the log is JSON: each line is an object', async () => {
    const agent = bench.run(cp.url, {
      args: ['--binary-path', bench.fakeEnvoy().path, '--log-format', 'json'],
    });
    await untilReady(agent);
    await until(() => agent.output().includes('initializing epoch 0'), agent.output);
    const lines = agent
      .output()
      .split('\n')
      // The last one may not be whole yet.
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((l) => l.logger)).toContain('envoy');
    expect(lines.every((l) => typeof l.message === 'string' && typeof l.time === 'string')).toBe(true);
  });

  test('refuses the bootstrap: the agent ends with its words and a code of its own', async () => {
    const agent = bench.run(cp.url, {
      args: ['--binary-path', bench.fakeEnvoy({ invalid: 'unknown cluster nowhere' }).path],
    });
    expect(await agent.exited).toBe(22);
    expect(agent.output()).toContain('Envoy refuses its bootstrap: unknown cluster nowhere');
    expect(bench.leftovers()).toEqual([]);
  });

  test('never opens its admin interface: the agent is not ready and stops on request', async () => {
    const envoy = bench.fakeEnvoy({ hang: true });
    const agent = bench.run(cp.url, { args: ['--binary-path', envoy.path] });
    await until(() => envoy.log().some((l) => l.startsWith('serve')), agent.output);
    expect((await agent.ready()).status).toBe(503);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
  });

  test('dies when its agent is killed outright; the next agent starts cleanly', async () => {
    const envoy = bench.fakeEnvoy({ ignoreTerm: true });
    const agent = bench.run(cp.url, { args: ['--binary-path', envoy.path] });
    await untilReady(agent);
    const pid = envoyPid(agent);
    agent.child.kill('SIGKILL');
    // The kernel, or the guard, ends it in no time; without them it lives for ever.
    await until(
      () => !isAlive(pid),
      () => `Envoy ${pid} is alive`,
      10_000,
    );
    await agent.exited;
    const next = bench.run(cp.url, { args: ['--binary-path', envoy.path] });
    await untilReady(next);
  });
});

describe('several agents', () => {
  test('the second one for the same proxy says who runs and exits; the first is not disturbed', async () => {
    const { path } = bench.fakeEnvoy();
    const first = bench.run(cp.url, { args: ['--binary-path', path] });
    await untilReady(first);
    const second = bench.run(cp.url, { args: ['--binary-path', path] });
    expect(await second.exited).toBe(31);
    expect(second.output()).toContain(`already running as process ${first.child.pid}`);
    expect((await first.ready()).status).toBe(200);
  });

  test('the directory of an agent that was killed is removed by any later agent', async () => {
    const { path } = bench.fakeEnvoy();
    const first = bench.run(cp.url, { name: 'a', args: ['--binary-path', path] });
    await untilReady(first);
    first.child.kill('SIGKILL');
    await first.exited;
    expect(bench.leftovers()).toContain('default.a');
    const other = bench.run(cp.url, { name: 'b', args: ['--binary-path', path] });
    await untilReady(other);
    expect(bench.leftovers().filter((f) => f.startsWith('default.a'))).toEqual([]);
  });

  test('wait returns once all agents of the host are ready, and tells which one is not', async () => {
    const { path } = bench.fakeEnvoy();
    const readyFile = join(bench.dir, 'live');
    const slow = bench.fakeEnvoy({ readyFile });
    bench.run(cp.url, { name: 'a', args: ['--binary-path', path] });
    const b = bench.run(cp.url, { name: 'b', args: ['--binary-path', slow.path] });
    // A busy host must not make one that is ready miss the answer.
    const wait = (...args: readonly string[]) =>
      bench.start(['wait', '--run-dir', bench.runDir, '--request-timeout', '20s', ...args]);
    expect(await wait('--name', 'a', '--timeout', '30s').exited).toBe(0);
    await until(async () => (await b.ready()).body.startsWith('STARTING'), b.output);
    const brief = wait('--timeout', '1200ms');
    const patient = wait('--timeout', '50s');
    await until(() => patient.output().includes('not ready yet: default.b: STARTING'), patient.output);
    expect(await brief.exited).toBe(40);
    expect(brief.output()).toMatch(/not ready after 1\.2s: default\.b: STARTING/);
    writeFileSync(readyFile, '');
    expect(await patient.exited).toBe(0);
    expect(`${brief.output()}${patient.output()}`).not.toContain('default.a:');
  });
});

describe('ports that are taken', () => {
  test('a taken admin port ends the agent at once and names its holder', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const port = String((holder.address() as { port: number }).port);
    const agent = bench.run(cp.url, {
      args: ['--binary-path', bench.fakeEnvoy().path, '--admin-port', port],
    });
    expect(await agent.exited).toBe(30);
    expect(agent.output()).toContain(`admin port ${port} is taken by `);
    expect(agent.output()).toMatch(new RegExp(`taken by .*\\b${process.pid}\\b`));
    expect(cp.calls).toEqual([]);
    const readiness = bench.run(cp.url, {
      args: ['--binary-path', bench.fakeEnvoy().path],
      env: { KUMA_READINESS_PORT: port },
    });
    expect(await readiness.exited).toBe(30);
    expect(readiness.output()).toContain(`readiness port ${port} is taken by `);
    holder.close();
  });
});

describe('a refused update', () => {
  test('after the first 200 makes the proxy degraded, not unready, until a good one comes', async () => {
    const statsFile = join(bench.dir, 'stats');
    // In one step: half a file would be read as counters that began anew.
    const stats = (lds: number, rejected: number) =>
      writePrivateFile(
        statsFile,
        `cluster_manager.cds.update_success: 1\nlistener_manager.lds.update_success: ${lds}\nlistener_manager.lds.update_rejected: ${rejected}\nlistener_manager.workers_started: 1\n`,
      );
    stats(1, 0);
    cp.answerWith(bootstrapWith({ dynamicResources: { ldsConfig: { ads: {} }, cdsConfig: { ads: {} } } }));
    const agent = bench.run(cp.url, { args: ['--binary-path', bench.fakeEnvoy({ statsFile }).path] });
    await untilReady(agent);
    stats(1, 1);
    const degraded = await until(async () => {
      const answer = await agent.ready();
      return answer.body.startsWith('DEGRADED') && answer;
    }, agent.output);
    expect(degraded).toMatchObject({ status: 200, body: 'DEGRADED: listeners\n' });
    stats(2, 1);
    await until(async () => (await agent.ready()).body === 'READY\n', agent.output);
  });
});
