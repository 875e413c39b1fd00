import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ApplicationExit } from '../../../../src/dp/application/exit.ts';
import type { ApplicationProcess } from '../../../../src/dp/application/process.ts';
import { type AgentHooks, runBeside, type StopOrder } from '../../../../src/dp/application/run-beside.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';

describe('the start', () => {
  test('of the application waits for the proxy, and happens once', async () => {
    const run = setUp();
    await turn();
    expect(run.story).toEqual([]);
    run.hooks().onReady();
    run.hooks().onReady();
    await turn();
    expect(run.story).toEqual(['app starts']);
    run.exitApplication({ code: 0, signal: null });
    expect(await run.result).toBe(0);
  });

  test('does not happen for a proxy that is being stopped', async () => {
    const run = setUp();
    run.stop('SIGTERM');
    run.hooks().onReady();
    expect(await run.result).toBe(0);
    expect(run.story).toEqual(['proxy drains', 'proxy ends']);
  });

  test('that fails ends the proxy in good order and is told', async () => {
    const run = setUp({ startFails: true });
    run.hooks().onReady();
    await expect(run.result).rejects.toThrow('cannot run');
    expect(run.story).toEqual(['proxy drains', 'proxy ends']);
  });
});

describe('the end', () => {
  test('proxy first: connections end, then the application, and only then Envoy', async () => {
    const run = setUp();
    run.hooks().onReady();
    await turn();
    run.stop('SIGTERM');
    await run.result;
    expect(run.story).toEqual([
      'app starts',
      'proxy drains',
      'app is asked to end',
      'app ends',
      'proxy ends',
    ]);
  });

  test('application first: the proxy stays whole until the application has ended', async () => {
    const run = setUp({ stopOrder: 'app-first' });
    run.hooks().onReady();
    await turn();
    run.stop('SIGTERM');
    await run.result;
    expect(run.story).toEqual([
      'app starts',
      'app is asked to end',
      'app ends',
      'proxy drains',
      'proxy ends',
    ]);
  });

  test('an application that ends by itself ends the proxy in good order and gives its exit code', async () => {
    const run = setUp();
    run.hooks().onReady();
    await turn();
    run.exitApplication({ code: 3, signal: null });
    expect(await run.result).toBe(3);
    expect(run.story).toEqual(['app starts', 'app ends', 'proxy drains', 'proxy ends']);
  });

  test('an application that is killed gives 128 and the number of the signal', async () => {
    const run = setUp();
    run.hooks().onReady();
    await turn();
    run.exitApplication({ code: null, signal: 'SIGSEGV' });
    expect(await run.result).toBe(139);
  });

  test('an agent that fails takes the application along', async () => {
    const run = setUp({ agentFails: true });
    run.hooks().onReady();
    await turn();
    run.stop('SIGTERM');
    await expect(run.result).rejects.toThrow('agent failed');
    expect(run.story).toContain('app ends');
  });

  test('a second signal hurries both', async () => {
    const run = setUp({ stubborn: true });
    run.hooks().onReady();
    await turn();
    run.stop('SIGTERM');
    await turn();
    run.hurry('SIGTERM');
    await run.result;
    expect(run.graces).toEqual([10_000, 200]);
    expect(run.hooks().stop.immediate.aborted).toBe(true);
  });
});

function setUp(
  options: {
    stopOrder?: StopOrder;
    startFails?: boolean;
    agentFails?: boolean;
    /** Ends only when the time given is short. */
    stubborn?: boolean;
  } = {},
) {
  const story: string[] = [];
  const graces: number[] = [];
  const graceful = new AbortController();
  const immediate = new AbortController();
  const { promise: exited, resolve: exitApplication } = Promise.withResolvers<ApplicationExit>();
  void exited.then(() => story.push('app ends'));
  let ended = false;
  const application: ApplicationProcess = {
    pid: 1,
    exited,
    signal: () => {},
    end(graceMs) {
      if (!ended) graces.push(graceMs);
      if (!ended && graces.length === 1) story.push('app is asked to end');
      if (options.stubborn !== true || graceMs < 1_000) {
        ended = true;
        exitApplication({ code: null, signal: 'SIGTERM' });
      }
      return exited;
    },
  };
  void exited.then(() => {
    ended = true;
  });
  let given: AgentHooks | undefined;
  const agent = async (hooks: AgentHooks): Promise<void> => {
    given = hooks;
    if (!hooks.stop.graceful.aborted)
      await new Promise((resolve) => hooks.stop.graceful.addEventListener('abort', resolve));
    if (options.agentFails === true) throw new Error('agent failed');
    story.push('proxy drains');
    await hooks.afterDrain();
    story.push('proxy ends');
  };
  const result = runBeside({
    agent,
    start: async () => {
      if (options.startFails === true) throw new Error('cannot run');
      story.push('app starts');
      return application;
    },
    stop: { graceful: graceful.signal, immediate: immediate.signal, dispose: () => {} },
    stopOrder: options.stopOrder ?? 'proxy-first',
    graceMs: 10_000,
    logger: silentLogger,
  });
  return {
    story,
    graces,
    result,
    exitApplication,
    hooks: (): AgentHooks => given ?? expect.fail('the agent was not started'),
    stop: (reason: string) => graceful.abort(reason),
    hurry: (reason: string) => immediate.abort(reason),
  };
}
