import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { survivors } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type HostBench, openHostBench } from './support/host-bench.ts';

let bench: HostBench;

beforeEach(async () => {
  bench = await openHostBench();
});

afterEach(() => bench.dispose());

/** Runs until it is told to end, then writes that it was. */
const patient = (then = 'exit 0') =>
  `trap 'echo told >> ${bench.path('app')}; ${then}' TERM; echo up >> ${bench.path('app')}; while :; do sleep 0.02; done`;

describe('the start', () => {
  test('of the application waits until the proxy is ready', async () => {
    const envoy = bench.fakeEnvoy({ readyFile: bench.path('go') });
    const agent = bench.run(envoy.path, ['--', 'sh', '-c', patient()]);
    await agent.waitForLine('kuma-dp starting');
    await waitUntil(() => envoy.log().some((line) => line.startsWith('serve')));
    expect(bench.read('app')).toBe('');
    bench.write('go', '');
    await bench.untilFile('app', 'up');
    const lines = agent.stderr();
    expect(lines.indexOf('kuma-dp ready')).toBeGreaterThan(0);
    expect(lines.indexOf('application started')).toBeGreaterThan(lines.indexOf('kuma-dp ready'));
    await agent.stop();
  });

  test('of a program that does not exist is refused before anything is started, as a shell does', async () => {
    const agent = bench.run(bench.fakeEnvoy().path, ['--', 'no-such-program']);
    expect(await agent.exited).toEqual({ code: 127, signal: null });
    expect(agent.stderr()).toContain('the application "no-such-program" is not on PATH');
    expect(bench.cp.calls).toEqual([]);
  });

  test('of a file that is not executable gives 126', async () => {
    const agent = bench.run(bench.fakeEnvoy().path, ['--', '/etc/passwd']);
    expect((await agent.exited).code).toBe(126);
    expect(agent.stderr()).toContain('is not executable');
  });

  test('of words without -- is a slip, not a program', async () => {
    const agent = bench.run(bench.fakeEnvoy().path, ['dataplane.yaml']);
    expect((await agent.exited).code).toBe(2);
    expect(agent.stderr()).toContain('unexpected argument "dataplane.yaml"');
  });
});

describe('an application', () => {
  test('has standard input and output for itself, and its flags are its own', async () => {
    const agent = bench.run(
      bench.fakeEnvoy().path,
      ['--', 'sh', '-c', 'read line; echo "got $line $1"', 'sh', '--log-level=debug'],
      { input: 'hello\n' },
    );
    expect((await agent.exited).code).toBe(0);
    expect(agent.stdout()).toBe('got hello --log-level=debug\n');
    expect(agent.stderr()).toContain('application ended exit="exit code 0"');
  });

  test('that ends gives its exit code, and the proxy ends in good order', async () => {
    const envoy = bench.fakeEnvoy();
    const agent = bench.run(envoy.path, ['--', 'sh', '-c', 'exit 7']);
    expect(await agent.exited).toEqual({ code: 7, signal: null });
    expect(bench.cp.calls.map(({ path }) => path)).toContain('/leave');
    expect(envoy.log()).toContain('POST /healthcheck/fail');
    expect(bench.leftovers()).toEqual([]);
    expect(survivors()).toEqual([]);
  });

  test('that is killed gives 128 and the number of the signal', async () => {
    const agent = bench.run(bench.fakeEnvoy().path, ['--', 'sh', '-c', 'kill -KILL $$']);
    expect((await agent.exited).code).toBe(137);
  });

  test('outlives a crash of Envoy', async () => {
    const envoy = bench.fakeEnvoy();
    const agent = bench.run(envoy.path, ['--', 'sh', '-c', patient()]);
    await bench.untilFile('app', 'up');
    envoy.crash();
    await waitUntil(() => envoy.log().filter((line) => line.startsWith('serve')).length === 2);
    await waitUntil(() => (agent.stderr().match(/kuma-dp ready/g) ?? []).length === 2);
    expect(bench.read('app')).toBe('up\n');
    await agent.stop();
    expect(bench.read('app')).toBe('up\ntold\n');
  });

  test('gets the signals that are not the agent’s', async () => {
    const script = `trap 'echo usr1 >> ${bench.path('app')}' USR1; ${patient()}`;
    const agent = bench.run(bench.fakeEnvoy().path, ['--', 'sh', '-c', script]);
    await bench.untilFile('app', 'up');
    agent.signal('SIGUSR1');
    await bench.untilFile('app', 'usr1');
    await agent.stop();
  });
});

describe('the end', () => {
  test('proxy first: connections end, then the application while Envoy is still there, then Envoy', async () => {
    const envoy = bench.fakeEnvoy();
    const pid = `$(sed -n 's/^serve \\([0-9]*\\).*/\\1/p' ${envoy.logPath})`;
    const seen = `grep -c drain_listeners ${envoy.logPath} >> ${bench.path('app')}; kill -0 ${pid} && echo alive >> ${bench.path('app')}; exit 0`;
    const agent = bench.run(envoy.path, ['--', 'sh', '-c', patient(seen.replaceAll("'", '"'))]);
    await bench.untilFile('app', 'up');
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(bench.read('app')).toBe('up\ntold\n1\nalive\n');
  });

  test('application first: it is told before any connection ends', async () => {
    const envoy = bench.fakeEnvoy();
    const seen = `grep -c drain_listeners ${envoy.logPath} >> ${bench.path('app')}; exit 4`;
    const agent = bench.run(envoy.path, ['--stop-order', 'app-first', '--', 'sh', '-c', patient(seen)]);
    await bench.untilFile('app', 'up');
    expect(await agent.stop()).toEqual({ code: 4, signal: null });
    expect(bench.read('app')).toBe('up\ntold\n0\n');
    expect(envoy.log()).toContain('POST /drain_listeners?graceful&skip_exit');
  });

  test('application first: a stop that was asked for with the command is no other', async () => {
    const envoy = bench.fakeEnvoy();
    const seen = `grep -c drain_listeners ${envoy.logPath} >> ${bench.path('app')}; exit 4`;
    const agent = bench.run(envoy.path, ['--stop-order', 'app-first', '--', 'sh', '-c', patient(seen)]);
    await bench.untilFile('app', 'up');
    expect((await bench.control('stop').exited).code).toBe(0);
    expect(await agent.exited).toEqual({ code: 4, signal: null });
    expect(bench.read('app')).toBe('up\ntold\n0\n');
  });

  test('an application that ignores SIGTERM is killed after its time, with its children', async () => {
    const script = `trap '' TERM; sleep 1000 & echo up > ${bench.path('app')}; while :; do sleep 0.02; done`;
    const agent = bench.run(bench.fakeEnvoy().path, [
      '--app-stop-timeout',
      '300ms',
      '--',
      'sh',
      '-c',
      script,
    ]);
    await bench.untilFile('app', 'up');
    expect((await agent.stop()).code).toBe(137);
    expect(survivors()).toEqual([]);
  });

  test.each(['proxy-first', 'app-first'])(
    'a second stop with the command does not wait for a stubborn application, %s',
    async (order) => {
      const script = `trap 'echo told >> ${bench.path('app')}' TERM; echo up > ${bench.path('app')}; while :; do sleep 0.02; done`;
      const stubborn = ['--app-stop-timeout', '1h', '--', 'sh', '-c', script];
      const agent = bench.run(bench.fakeEnvoy().path, ['--stop-order', order, ...stubborn]);
      await bench.untilFile('app', 'up');
      const first = bench.control('stop');
      await bench.untilFile('app', 'told');
      expect((await bench.control('stop').exited).code).toBe(0);
      expect((await first.exited).code).toBe(0);
      expect((await agent.exited).code).toBe(137);
      expect(survivors()).toEqual([]);
    },
  );

  test('a second signal does not wait for a stubborn application', async () => {
    const script = `trap '' TERM; echo up > ${bench.path('app')}; while :; do sleep 0.02; done`;
    const agent = bench.run(bench.fakeEnvoy().path, ['--app-stop-timeout', '1h', '--', 'sh', '-c', script]);
    await bench.untilFile('app', 'up');
    agent.signal('SIGTERM');
    await agent.waitForLine('no connections left');
    agent.signal('SIGTERM');
    expect((await agent.exited).code).toBe(137);
    expect(survivors()).toEqual([]);
  });

  test('an agent that cannot start never starts the application', async () => {
    const agent = bench.run('/bin/true', ['--', 'sh', '-c', patient()]);
    expect((await agent.exited).code).toBe(21);
    expect(bench.read('app')).toBe('');
  });
});
