import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAdminClient } from '../../../src/dp/envoy/admin-client.ts';
import { allocatePort } from '../../support/ports.ts';
import { Bench, envoyPid, isAlive, type RunningAgent, until, untilReady } from './support/agent.ts';
import { bootstrapWith, echoListener, startControlPlane } from './support/control-plane.ts';
import { realEnvoy } from './support/envoy-binary.ts';

let bench: Bench;
let cp: Awaited<ReturnType<typeof startControlPlane>>;
let port: number;

beforeEach(async () => {
  bench = new Bench();
  port = await allocatePort();
  cp = await startControlPlane(bootstrapWith(echoListener(port, 'hello from Envoy')));
});

afterEach(async () => {
  await bench.dispose();
  await cp.close();
});

describe.skipIf(realEnvoy === undefined)('with the real Envoy', () => {
  const binary = realEnvoy ?? '';
  const run = (options: { name?: string; args?: readonly string[] } = {}): RunningAgent =>
    bench.run(cp.url, { ...options, args: ['--binary-path', binary, ...(options.args ?? [])] });

  test('a proxy serves, its admin is a socket only its owner can use, and the stop is quick and clean', async () => {
    const agent = run();
    await untilReady(agent);
    expect(await get()).toBe('hello from Envoy');
    const socketPath = join(bench.runDir, 'default.a', 'admin.sock');
    const admin = createAdminClient({ socketPath }, 20_000);
    expect((await admin.get('/ready')).body).toBe('LIVE\n');
    admin.close();
    const pid = envoyPid(agent);
    const at = performance.now();
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    // Connections, of which there are none, would have 30 s.
    expect(performance.now() - at).toBeLessThan(15_000);
    expect(agent.output()).not.toContain('statically linked extensions');
    expect(agent.output()).toContain('starting main dispatch loop');
    expect(isAlive(pid)).toBe(false);
    expect(bench.leftovers()).toEqual([]);
  });

  test('an Envoy that is killed is back with the same configuration', async () => {
    const agent = run();
    await untilReady(agent);
    const before = envoyPid(agent);
    process.kill(before, 'SIGKILL');
    await until(() => envoyPid(agent) !== before, agent.output);
    await untilReady(agent);
    expect(await get()).toBe('hello from Envoy');
    expect(agent.output()).toContain('killed by SIGKILL');
    expect(cp.calls.filter((c) => c.path === '/bootstrap')).toHaveLength(1);
  });

  test('an agent that is killed outright takes Envoy along, however Envoy was launched', async () => {
    for (const launcher of ['setpriv', 'wrapper']) {
      const agent = bench.run(cp.url, {
        name: launcher,
        args: ['--binary-path', launcher === 'wrapper' ? withCapability(bench, binary) : binary],
      });
      await untilReady(agent);
      if (!agent.output().includes(`launcher=${launcher}`))
        console.warn(`SKIPPED: this machine cannot start Envoy with ${launcher}`);
      const pids = bench.envoys();
      expect(pids).toHaveLength(1);
      agent.child.kill('SIGKILL');
      // The kernel, or the wrapper, ends it in no time; without them it lives for ever.
      await until(
        () => bench.envoys().length === 0,
        () => `${launcher}: ${pids} alive`,
        10_000,
      );
    }
  });

  test('the wrapper passes on the end of Envoy, asked for or not', async () => {
    const agent = bench.run(cp.url, { args: ['--binary-path', withCapability(bench, binary)] });
    await untilReady(agent);
    if (!agent.output().includes('launcher=wrapper')) return console.warn('SKIPPED: no setcap here');
    const [pid = 0] = bench.envoys();
    process.kill(pid, 'SIGKILL');
    await until(() => agent.output().includes('killed by SIGKILL'), agent.output);
    await until(() => agent.output().split(' ready ').length > 2, agent.output);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(agent.output()).toContain('Envoy ended exit="exit code 0"');
    expect(bench.envoys()).toEqual([]);
  });

  test('with an admin port it is exactly that port on loopback', async () => {
    const admin = await allocatePort();
    const agent = run({ args: ['--admin-port', String(admin)] });
    await untilReady(agent);
    expect(await (await fetch(`http://127.0.0.1:${admin}/ready`)).text()).toBe('LIVE\n');
    expect(cp.calls[0]?.body.adminPort).toBe(admin);
    const second = run({ name: 'b', args: ['--admin-port', String(admin)] });
    expect(await second.exited).toBe(30);
    const [holder] = bench.envoys();
    expect(second.output()).toMatch(new RegExp(`admin port ${admin} is taken by .*\\b${holder}\\b`));
  });

  test('a stop waits for a connection that is in use, and only for so long', async () => {
    const agent = run({ args: ['--drain-time', '3s'] });
    await untilReady(agent);
    const busy = await open(port);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(agent.output()).toMatch(/drain time is over; connections are cut.*connections=1/);
    busy.destroy();
    const next = run({ args: ['--drain-time', '10m'] });
    await untilReady(next);
    const brief = await open(port);
    next.child.kill('SIGTERM');
    await until(() => next.output().includes('draining'), next.output);
    expect((await next.ready()).status).toBe(503);
    brief.destroy();
    expect(await next.exited).toBe(0);
    expect(next.output()).toContain('no connections left');
  });

  test('Envoy prints JSON of the same shape as the agent when asked to', async () => {
    const agent = run({ args: ['--log-format', 'json'] });
    await untilReady(agent);
    agent.child.kill('SIGTERM');
    await agent.exited;
    const lines = agent
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((l) => l.logger)).toContain('envoy.main');
    expect(lines.filter((l) => String(l.message).includes('statically linked'))).toEqual([]);
    expect(lines.filter((l) => l.logger === 'envoy.main').length).toBeLessThan(20);
  });

  test('a bootstrap Envoy refuses ends the agent with its words', async () => {
    cp.answerWith(bootstrapWith({ static_resources: { clusters: [{ name: 'x', nonsense: 1 }] } }));
    const agent = run();
    expect(await agent.exited).toBe(22);
    expect(agent.output()).toMatch(/Envoy refuses its bootstrap: .*nonsense/);
  });

  test('twenty agents started together without any port flag all become ready and all end cleanly', async () => {
    cp.answerWith(bootstrapWith());
    const names = Array.from({ length: 20 }, (_, i) => `web-${i}`);
    const agents = names.map((name) => run({ name, args: ['--concurrency', '1'] }));
    // One after the other: twenty who ask all the time would slow down those who start.
    for (const agent of agents) await untilReady(agent, 90_000);
    const ports = agents.map((agent) => /127\.0\.0\.1:(\d+)\/ready/.exec(agent.output())?.[1]);
    expect(new Set(ports).size).toBe(20);
    const waiting = bench.start(['wait', '--run-dir', bench.runDir, '--timeout', '1m']);
    expect(await waiting.exited).toBe(0);
    for (const agent of agents) agent.child.kill('SIGTERM');
    expect(await Promise.all(agents.map((agent) => agent.exited))).toEqual(names.map(() => 0));
    expect(bench.envoys()).toEqual([]);
    expect(bench.leftovers()).toEqual([]);
  }, 180_000);
});

async function get(): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text();
}

function open(to: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(to, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });
}

/** A getcap that claims a capability makes the agent choose the wrapper: as a file with a real one would. */
function withCapability(at: Bench, binary: string): string {
  const copy = join(at.dir, 'capable-envoy');
  writeFileSync(join(at.dir, 'getcap'), `#!/bin/sh\necho "$1 cap_net_bind_service=ep"\n`);
  chmodSync(join(at.dir, 'getcap'), 0o755);
  copyFileSync(binary, copy);
  return copy;
}
