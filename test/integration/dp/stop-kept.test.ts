import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatKept, type KeptEnvoy } from '../../../src/dp/run-dir/kept.ts';
import { identifyFile } from '../../../src/lib/file-identity.ts';
import { writePrivateFile } from '../../../src/lib/private-file.ts';
import { readProcessId } from '../../../src/lib/process-id.ts';
import { aKeptEnvoy } from '../../support/kept-envoy.ts';
import { allocatePort, nobodyAt } from '../../support/ports.ts';
import { clonePath, type RunningProgram, startProgram, stopAll, waitUntil } from '../../support/processes.ts';
import { startControlPlane } from './support/control-plane.ts';

let base: string;
let runDir: string;
let dir: string;
let envoy: RunningProgram;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'stop-kept-'));
  runDir = join(base, 'run');
  dir = join(runDir, 'default.web');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
});

afterEach(async () => {
  await stopAll();
  rmSync(base, { recursive: true });
});

/** An Envoy as one is after its agent was killed; one connection is open as long as `connections` says so. */
async function leave(
  behaviour: object = {},
  facts: Partial<KeptEnvoy> = {},
  mesh = 'default',
): Promise<void> {
  const dir = join(runDir, `${mesh}.web`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const bootstrapPath = join(dir, 'bootstrap.0.json');
  const socketPath = join(dir, 'admin.0.sock');
  writeFileSync(bootstrapPath, JSON.stringify({ admin: { address: { pipe: { path: socketPath } } } }));
  connections(1);
  const words = ['--config-path', bootstrapPath, '--drain-time-s', '60'];
  envoy = startProgram(process.execPath, [clonePath('test/fixtures/fake-envoy.ts'), ...words], {
    env: {
      FAKE_ENVOY: JSON.stringify({ statsFile: join(base, 'stats'), log: join(base, 'log'), ...behaviour }),
    },
  });
  await waitUntil(() => existsSync(socketPath) || 'hang' in behaviour);
  const id = await waitUntil(() => readProcessId(envoy.pid));
  const logPath = join(base, 'envoy.0.log');
  writeFileSync(logPath, 'words\n');
  const program = identifyFile(`/proc/${envoy.pid}/exe`);
  const kept = aKeptEnvoy({ ...id, bootstrapPath, logPath, program, place: { socketPath }, ...facts });
  // An agent that adopts it listens there.
  const readinessPort = await allocatePort();
  const record = { mesh, name: 'web', writtenBy: '1', readinessPort, envoys: [kept] };
  writeFileSync(join(dir, 'kept.json'), formatKept(record), { mode: 0o600 });
}

/** In one step: half a file would have none. */
function connections(open: number): void {
  writePrivateFile(join(base, 'stats'), `listener.127.0.0.1_80.downstream_cx_active: ${open}\n`);
}

function stop(...args: readonly string[]): RunningProgram {
  return startProgram(process.execPath, [
    ...[clonePath('src/bin/kuma-dp.ts'), 'stop', '--run-dir', runDir],
    ...args,
  ]);
}

/** Each once: what is not answered in time, as on a machine that stood still, is asked again. */
const asked = () => [...new Set(readFileSync(join(base, 'log'), 'utf8').split('\n').slice(1, -1))];

test('a kept Envoy without agent is drained until no connection is left, then ended with all that was kept of it', async () => {
  await leave();
  const command = stop('web');
  await command.waitForLine(`default.web: draining Envoy ${envoy.pid}, at most 1m0s`);
  await waitUntil(() => asked().length === 2);
  expect(asked()).toEqual(['POST /healthcheck/fail', 'POST /drain_listeners?graceful&skip_exit']);
  expect(envoy.exit()).toBeUndefined();
  connections(0);
  expect(await command.exited).toEqual({ code: 0, signal: null });
  expect(command.stdout()).toContain('default.web: no connections left');
  expect(command.stdout()).toContain(`default.web: stopped; Envoy ${envoy.pid} ended`);
  expect(await envoy.exited).toEqual({ code: 0, signal: null });
  expect(existsSync(runDir) || existsSync(join(base, 'envoy.0.log'))).toBe(false);
});

test('the drain of a kept Envoy takes no longer than --drain-time, and tells how many connections are cut', async () => {
  await leave();
  const command = stop('default.web', '--drain-time', '1200ms');
  expect((await command.exited).code).toBe(0);
  expect(command.stdout()).toContain('at most 1.2s');
  expect(command.stdout()).toContain('drain time is over; connections are cut (connections: 1)');
});

test('a kept Envoy that is slow to answer once is not taken for one without connections', async () => {
  const port = await allocatePort();
  await leave({ port });
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  const command = stop('web');
  await waitUntil(() => asked().length === 2);
  envoy.signal('SIGSTOP');
  await command.waitForLine('does not answer');
  envoy.signal('SIGCONT');
  // Longer than an end in good order takes.
  expect(await Promise.race([envoy.exited, delay(1_500)])).toBeUndefined();
  client.destroy();
  expect((await command.exited).code).toBe(0);
  expect(await envoy.exited).toEqual({ code: 0, signal: null });
});

test('one Ctrl-C leaves the drain of a kept Envoy alone, a second one ends it at once, however it takes SIGTERM', async () => {
  await leave({ ignoreTerm: true });
  const command = stop();
  await command.waitForLine('draining');
  command.signal('SIGINT');
  await command.waitForLine('once more ends it at once');
  // Two looks at the connections later it still serves.
  await waitUntil(() => asked().length === 2);
  expect(envoy.exit()).toBeUndefined();
  const at = performance.now();
  command.signal('SIGINT');
  expect(await command.exited).toEqual({ code: 0, signal: null });
  // One Ctrl-C leaves connections a minute, and an Envoy that is to end 5 s.
  expect(performance.now() - at).toBeLessThan(4_500);
  expect(await envoy.exited).toEqual({ code: null, signal: 'SIGKILL' });
  expect(existsSync(dir)).toBe(false);
});

test('a process that is not the Envoy of the record gets no signal', async () => {
  await leave({}, { startTicks: 1 });
  const first = envoy;
  const other = stop('web');
  expect((await other.exited).code).toBe(41);
  await leave({}, { program: '1:2:3:4' });
  const another = stop('web');
  expect((await another.exited).code).toBe(41);
  expect(asked().filter((line) => line.startsWith('POST'))).toEqual([]);
  expect([first.exit(), envoy.exit()]).toEqual([undefined, undefined]);
});

test('a kept Envoy that is being stopped is not adopted, nor stopped twice', async () => {
  await leave();
  const first = stop('web');
  await first.waitForLine('draining');
  const second = stop('web');
  expect((await second.exited).code).toBe(31);
  expect(second.stderr()).toContain('is in use');
  const agent = startProgram(process.execPath, [
    ...[clonePath('src/bin/kuma-dp.ts'), 'run', '--name', 'web', '--cp-address', await nobodyAt()],
    ...['--run-dir', runDir, '--state-dir', join(base, 'state'), '--binary-path', process.execPath],
  ]);
  expect((await agent.exited).code).toBe(31);
  connections(0);
  expect((await first.exited).code).toBe(0);
});

test('an agent that is stopped before it could take over tells the control plane before it drains', async () => {
  await leave();
  const cp = await startControlPlane();
  const slow = join(base, 'slow-envoy');
  writeFileSync(slow, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  const agent = startProgram(process.execPath, [
    ...[clonePath('src/bin/kuma-dp.ts'), 'run', '--name', 'web', '--cp-address', cp.url, '--keep-envoy'],
    ...['--run-dir', runDir, '--state-dir', join(base, 'state'), '--binary-path', slow],
  ]);
  await agent.waitForLine('agent started');
  agent.signal('SIGTERM');
  await waitUntil(() => asked().length === 2);
  // It went out before; this process may not have read it yet.
  await waitUntil(() => cp.calls.length > 0);
  expect(cp.calls.map(({ path }) => path)).toEqual(['/leave']);
  connections(0);
  expect((await agent.exited).code).toBe(0);
  // It ended before the agent did; of two ends at once this process may hear in any order.
  expect(await envoy.exited).toEqual({ code: 0, signal: null });
  await cp.close();
});

test('an agent that is detached before it could take over leaves Envoy as it found it', async () => {
  await leave();
  const slow = join(base, 'slow-envoy');
  writeFileSync(slow, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  const at = ['--run-dir', runDir];
  const agent = startProgram(process.execPath, [
    ...[clonePath('src/bin/kuma-dp.ts'), 'run', '--name', 'web', '--cp-address', await nobodyAt()],
    ...[...at, '--keep-envoy', '--state-dir', join(base, 'state'), '--binary-path', slow],
  ]);
  await agent.waitForLine('agent started');
  const before = readFileSync(join(dir, 'kept.json'), 'utf8');
  const detach = startProgram(process.execPath, [clonePath('src/bin/kuma-dp.ts'), 'detach', ...at]);
  expect((await detach.exited).code).toBe(0);
  expect((await agent.exited).code).toBe(0);
  expect(asked().filter((line) => line.startsWith('POST'))).toEqual([]);
  expect(envoy.exit()).toBeUndefined();
  expect(readFileSync(join(dir, 'kept.json'), 'utf8')).toBe(before);
});

test('a stop that was killed in the middle of a drain is made good by the next', async () => {
  await leave();
  const first = stop('web');
  await waitUntil(() => asked().length === 2);
  first.signal('SIGKILL');
  await first.exited;
  expect(envoy.exit()).toBeUndefined();
  const next = stop('web');
  await next.waitForLine('draining');
  connections(0);
  expect((await next.exited).code).toBe(0);
  expect(existsSync(dir)).toBe(false);
});

test('a name that fits two kept Envoys of different meshes stops neither, and both are named', async () => {
  await leave();
  const first = envoy;
  await leave({}, {}, 'other');
  const both = stop('web');
  expect((await both.exited).code).toBe(41);
  expect(both.stderr()).toContain('name one of default.web, other.web');
  expect([first.exit(), envoy.exit()]).toEqual([undefined, undefined]);
  connections(0);
  expect((await stop('other.web').exited).code).toBe(0);
  expect(first.exit()).toBeUndefined();
});

test('a kept Envoy that an agent of several proxies cannot adopt is ended, and not adopted later', async () => {
  await leave();
  connections(0);
  mkdirSync(join(base, 'dps'));
  writeFileSync(join(base, 'dps', 'web.yaml'), 'type: Dataplane\nname: web\n');
  const agent = startProgram(process.execPath, [
    ...[clonePath('src/bin/kuma-dp.ts'), 'run', '-d', join(base, 'dps'), '--cp-address', await nobodyAt()],
    ...['--run-dir', runDir, '--state-dir', join(base, 'state'), '--binary-path', join(base, 'missing')],
  ]);
  // The pause before the next try is then longer than the command takes.
  await waitUntil(() => agent.output().split('this proxy cannot run').length > 3);
  expect(envoy.exit()).toBeUndefined();
  const command = stop('web');
  expect((await command.exited).code).toBe(0);
  expect(command.stdout()).toContain('it did not run and is not tried again');
  expect(command.stdout()).toContain(`stopped; Envoy ${envoy.pid} ended`);
  expect(existsSync(dir)).toBe(false);
  await agent.stop();
});

test('without a name nothing is stopped while an agent of the run directory does not answer', async () => {
  await leave();
  const silent = join(runDir, 'default.silent');
  mkdirSync(silent, { mode: 0o700 });
  writeFileSync(join(silent, 'agent.sock'), '');
  const { code } = await stop().exited;
  expect(code).toBe(41);
  expect(envoy.exit()).toBeUndefined();
});
