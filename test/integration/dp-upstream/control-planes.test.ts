import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exchange } from '../../../src/lib/http-exchange.ts';
import { Bench, envoyPid, type RunningAgent, until, untilReady } from '../dp/support/agent.ts';
import { realEnvoy } from '../dp/support/envoy-binary.ts';
import { type Scripted, startScripted } from './support/scripted.ts';

let bench: Bench;
let one: Scripted;
let two: Scripted;

beforeEach(async () => {
  bench = new Bench();
  one = await startScripted();
  two = await startScripted();
});

afterEach(async () => {
  await bench.dispose();
  await Promise.all([one.close(), two.close()]);
});

const GARBAGE = 'SSH-2.0-something-else\r\n\u0000\u0001\u0002';

function run(args: readonly string[] = []): RunningAgent {
  return bench.run(`${one.url},${two.url}`, {
    args: ['--binary-path', realEnvoy ?? '', '--cp-order=given', '--cp-return-after=1s', ...args],
  });
}

async function inUse(): Promise<string> {
  const socketPath = `${bench.runDir}/default.a/agent.sock`;
  const { body } = await exchange({ url: new URL('http://localhost/status'), socketPath, timeoutMs: 10_000 });
  return (JSON.parse(body) as { controlPlane: string }).controlPlane;
}

async function untilAt(agent: RunningAgent, at: Scripted): Promise<number> {
  const start = performance.now();
  await until(async () => at.open() === 1 && (await inUse()) === at.url, agent.output);
  return performance.now() - start;
}

describe.skipIf(realEnvoy === undefined)('two control planes, with the real Envoy', () => {
  test('the first is used; when it dies the second has the stream at once, and when it is back it has it again', async () => {
    const agent = run();
    await untilReady(agent);
    await untilAt(agent, one);
    expect(two.calls()).toEqual([]);
    const pid = envoyPid(agent);
    one.bootstrap.close();
    one.xds.close();
    await untilAt(agent, two);
    const losses = [...agent.output().matchAll(/no stream to the control plane.* retryInMs=(\d+)/g)];
    expect(losses).toHaveLength(1);
    expect(Number(losses[0]?.[1])).toBeLessThanOrEqual(100);
    await one.bootstrap.reopen();
    // Half of it is not enough.
    await until(() => one.calls().length > 3, agent.output);
    expect(await inUse()).toBe(two.url);
    await one.xds.reopen();
    expect(await untilAt(agent, one)).toBeGreaterThan(900);
    await until(() => two.open() === 0, agent.output);
    expect(envoyPid(agent)).toBe(pid);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(one.calls().at(-1)).toBe('/leave');
    expect(two.calls()).not.toContain('/leave');
  });

  test('one that falls silent with its connections open is left within seconds', async () => {
    const agent = run();
    await untilReady(agent);
    await untilAt(agent, one);
    one.bootstrap.freeze();
    one.xds.freeze();
    // 7 s at most; 14 s with the patience one has who has no choice.
    expect(await untilAt(agent, two)).toBeLessThan(12_000);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(two.calls().at(-1)).toBe('/leave');
  });

  test('one that answers slowly is used all the same, from the start and later on', async () => {
    for (const way of [one.bootstrap, one.xds]) way.slow(400);
    const agent = run();
    await untilReady(agent);
    await untilAt(agent, one);
    for (const way of [one.bootstrap, one.xds]) way.slow(900);
    // Longer than it takes to leave one that is silent.
    await new Promise((resolve) => setTimeout(resolve, 9_000));
    expect(await inUse()).toBe(one.url);
    expect(one.open()).toBe(1);
    expect(two.calls()).toEqual([]);
    expect(agent.output().match(/connected to the control plane/g)).toHaveLength(1);
  });

  test.each([
    ['does not answer', (cp: Scripted) => cp.bootstrap.freeze()],
    ['answers garbage', (cp: Scripted) => cp.bootstrap.babble(GARBAGE)],
    ['is down', (cp: Scripted) => cp.bootstrap.close()],
    ['answers 500', (cp: Scripted) => cp.answer((_call, response) => void response.writeHead(500).end())],
    ['answers no bootstrap', (cp: Scripted) => cp.answer((_call, response) => void response.end('hello'))],
    [
      'does not know the proxy',
      (cp: Scripted) => cp.answer((_call, response) => void response.writeHead(404).end()),
    ],
    [
      'refuses the proxy',
      (cp: Scripted) => cp.answer((_call, response) => void response.writeHead(403).end('no')),
    ],
  ])(
    'a start with a first control plane that %s gets its bootstrap from the second',
    async (_what, spoil) => {
      spoil(one);
      const agent = run();
      await until(() => agent.output().includes('agent started'), agent.output);
      const at = performance.now();
      await until(() => two.calls().includes('/bootstrap'), agent.output);
      // 3 s; 10 s where there is no other to ask.
      expect(performance.now() - at).toBeLessThan(9_500);
      await untilReady(agent);
      await untilAt(agent, two);
    },
  );

  test.each([
    ['answers garbage', (cp: Scripted) => cp.xds.babble(GARBAGE)],
    ['is silent', (cp: Scripted) => cp.xds.freeze()],
    ['is down', (cp: Scripted) => cp.xds.close()],
  ])(
    'a first control plane that gives a bootstrap but whose xDS server %s loses the proxy to the second, for as long as that is so',
    async (_what, spoil) => {
      spoil(one);
      const agent = run();
      await untilAt(agent, two);
      await untilReady(agent);
      // It is probed, and found out each time.
      const before = one.calls().length;
      await until(() => one.calls().length > before + 2, agent.output, 40_000);
      expect(await inUse()).toBe(two.url);
      expect(two.open()).toBe(1);
      expect(agent.output().match(/connected to the control plane/g)).toHaveLength(1);
    },
  );

  test('one that was never asked and is silent, too, holds up the way to the third for no longer than it may', async () => {
    const third = await startScripted();
    try {
      const agent = run(['--cp-address', third.url]);
      await untilReady(agent);
      await untilAt(agent, one);
      two.bootstrap.freeze();
      one.xds.close();
      one.bootstrap.close();
      await untilAt(agent, third);
      // 10 s where there is no other to ask.
      expect(agent.output()).toContain(`${two.url}: no answer within 3000 ms`);
      expect(agent.output()).not.toContain('no answer within 10000 ms');
    } finally {
      await third.close();
    }
  });

  test('when both are gone the proxy serves on, and whichever is back first has it', async () => {
    const agent = run();
    await untilReady(agent);
    await untilAt(agent, one);
    for (const { bootstrap, xds } of [one, two]) {
      bootstrap.close();
      xds.close();
    }
    await until(() => agent.output().includes('nothing listens'), agent.output);
    // Each reason is told once, not each attempt.
    const told = () => agent.output().match(/no stream to the control plane/g)?.length ?? 0;
    await until(() => told() >= 3, agent.output);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(told()).toBe(3);
    await untilReady(agent);
    await two.bootstrap.reopen();
    await two.xds.reopen();
    // Two pauses of 2 s at most; what failed is not asked again for up to 30 s while there is another.
    expect(await untilAt(agent, two)).toBeLessThan(10_000);
  });
});
