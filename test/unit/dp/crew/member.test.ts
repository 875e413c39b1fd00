import { describe, expect, test } from 'vitest';
import { createGate } from '../../../../src/dp/crew/gate.ts';
import { type Attempt, startMember } from '../../../../src/dp/crew/member.ts';
import type { Entry } from '../../../../src/dp/crew/roster.ts';
import type { AgentState } from '../../../../src/dp/state/agent-state.ts';
import { createBackoff } from '../../../../src/lib/backoff.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const ENTRY: Entry = { path: 'd/a.yaml', mesh: 'm', name: 'a', json: 'one', tokenFile: undefined };

const createTurns = () => createGate({ places: 1, mostMs: 60_000, clock: createFakeClock() });

/** A member whose agent runs until the test says how it ends, or it is told to stop. */
function begin(after: Promise<unknown> = Promise.resolve(), turns = createTurns()) {
  const clock = createFakeClock();
  const attempts: (Attempt & { end(error?: Error): void })[] = [];
  const member = startMember({
    entry: ENTRY,
    after,
    gate: createGate({ places: 1, mostMs: 1, clock }),
    turns,
    clock,
    logger: silentLogger,
    backoff: createBackoff({ baseMs: 1_000, maxMs: 60_000, random: () => 1 }),
    onChange() {},
    run: (attempt) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error) => (error === undefined ? resolve() : reject(error));
        attempt.stop.graceful.addEventListener('abort', () => resolve());
        attempts.push({ ...attempt, end });
      }),
  });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const last = () => attempts.at(-1) as (typeof attempts)[number];
  return { clock, attempts, member, settle, last };
}

describe('one of several proxies', () => {
  test('is tried again after pauses that grow when it cannot run, and says when and why', async () => {
    const { clock, attempts, member, settle, last } = begin();
    await settle();
    last().end(new Error('the run directory is taken'));
    await settle();
    expect(member.current).toEqual({
      state: 'failed',
      reason: 'the run directory is taken',
      retryAt: clock.now() + 1_000,
    });
    expect(member.tried).toBe(true);
    clock.advance(1_000);
    await settle();
    last().end(new Error('again'));
    await settle();
    clock.advance(1_999);
    await settle();
    expect(attempts).toHaveLength(2);
    clock.advance(1);
    await settle();
    expect(attempts).toHaveLength(3);
  });

  test('is tried at once when its file changed, with the new text', async () => {
    const { attempts, member, settle, last } = begin();
    await settle();
    last().end(new Error('refused'));
    await settle();
    member.take({ ...ENTRY, json: 'one' });
    await settle();
    expect(attempts).toHaveLength(1);
    member.take({ ...ENTRY, json: 'two' });
    await settle();
    expect(last().entry.json).toBe('two');
  });

  test('is told of another text while it runs, and not of another name of its file', async () => {
    const { attempts, member, settle, last } = begin();
    await settle();
    let told = 0;
    last().dataplane.listen(() => told++);
    member.take({ ...ENTRY, path: 'd/b.yaml' });
    expect(told).toBe(0);
    member.take({ ...ENTRY, json: 'two' });
    expect(told).toBe(1);
    expect(last().dataplane.wanted).toBe('two');
    expect(attempts).toHaveLength(1);
  });

  test('stays away when somebody stopped it, until it is asked for or its file changes', async () => {
    const { clock, attempts, member, settle, last } = begin();
    await settle();
    last().end();
    await settle();
    expect(member.current).toEqual({ state: 'held', reason: 'stopped by kuma-dp stop' });
    clock.advance(3_600_000);
    await settle();
    expect(attempts).toHaveLength(1);
    await member.restart('kuma-dp restart');
    await settle();
    expect(attempts).toHaveLength(2);
  });

  test('is not tried again once it is held, though it was to be', async () => {
    const { clock, attempts, member, settle, last } = begin();
    await settle();
    last().end(new Error('no'));
    await settle();
    member.hold('stopped by kuma-dp stop');
    clock.advance(3_600_000);
    await settle();
    expect(attempts).toHaveLength(1);
    expect(member.current.state).toBe('held');
  });

  test.each([
    ['ends in good order', undefined],
    ['fails at the same moment', new Error('no')],
  ])('is not tried again once it is held in the middle of a try, which %s', async (_what, error) => {
    const { clock, attempts, member, settle, last } = begin();
    await settle();
    last().end(new Error('no'));
    await settle();
    clock.advance(1_000);
    await settle();
    if (error !== undefined) last().end(error);
    member.hold('stopped by kuma-dp stop');
    await settle();
    expect(attempts).toHaveLength(2);
    expect(member.current).toEqual({ state: 'held', reason: 'stopped by kuma-dp stop' });
    clock.advance(3_600_000);
    await settle();
    expect(attempts).toHaveLength(2);
    await member.restart('kuma-dp restart');
    await settle();
    expect(attempts).toHaveLength(3);
  });

  test.each([
    ['leaves an Envoy alone', true],
    ['ends as any other where no Envoy could be left alone', false],
  ])('that is to go before it listens %s', async (_what, ok) => {
    const { member, settle, last } = begin();
    await settle();
    expect(member.detach()).toBe(true);
    const ended = member.leave('detached');
    let asked = 0;
    last().wishes.listen({ onRestart() {}, onDrain() {}, onDetach: () => ({ ok: ++asked > 0 && ok }) });
    expect([asked, last().stop.graceful.aborted]).toEqual([1, !ok]);
    last().end();
    await ended;
  });

  test('ends when it is told to leave: while it runs, while it waits, before it began', async () => {
    const running = begin();
    await running.settle();
    await running.member.leave('gone');
    expect(running.last().stop.graceful.reason).toBe('gone');
    const waiting = begin();
    await waiting.settle();
    waiting.last().end(new Error('no'));
    await waiting.settle();
    await waiting.member.leave('gone');
    expect(waiting.clock.pending).toBe(0);
    const early = begin();
    await early.member.leave('gone');
    expect(early.attempts).toEqual([]);
  });

  test('does not begin before who had its place is gone', async () => {
    let leave = () => {};
    const { attempts, settle } = begin(
      new Promise<void>((resolve) => {
        leave = resolve;
      }),
    );
    await settle();
    expect(attempts).toEqual([]);
    leave();
    await settle();
    expect(attempts).toHaveLength(1);
  });
});

describe('hand-overs nobody asked for, of several proxies', () => {
  const READY: AgentState = { state: 'ready', pid: 1, restarts: 0 };

  /** Two that serve, and a hand-over of the first that is under way; the second wants one, too. */
  async function beginBoth() {
    const turns = createTurns();
    const [one, two] = [begin(undefined, turns), begin(undefined, turns)];
    await one.settle();
    for (const { last } of [one, two]) last().onState(READY);
    const first = Promise.withResolvers<string>();
    const asked: string[] = [];
    const wish = (name: string, outcome: Promise<string>) => () => {
      asked.push(name);
      return outcome;
    };
    const granted = one.last().inTurn(wish('one', first.promise));
    void two.last().inTurn(wish('two', Promise.resolve('')));
    await one.settle();
    expect(asked).toEqual(['one']);
    return { one, two, first, asked, granted };
  }

  test('go one after the other', async () => {
    const { one, first, asked, granted } = await beginBoth();
    first.resolve('took over');
    expect(await granted).toBe('took over');
    await one.settle();
    expect(asked).toEqual(['one', 'two']);
  });

  test('wait for one that began to serve only after it had asked, as after an adoption', async () => {
    const turns = createTurns();
    const [one, two] = [begin(undefined, turns), begin(undefined, turns)];
    await one.settle();
    const first = Promise.withResolvers<string>();
    const asked: string[] = [];
    void one.last().inTurn(() => {
      asked.push('one');
      return first.promise;
    });
    await one.settle();
    for (const state of ['starting', 'ready'] as const) one.last().onState({ ...READY, state });
    two.last().onState(READY);
    void two.last().inTurn(async () => void asked.push('two'));
    await one.settle();
    expect(asked).toEqual(['one']);
    first.resolve('took over');
    await one.settle();
    expect(asked).toEqual(['one', 'two']);
  });

  test('are not waited for by one that does not serve: it cannot be two at a time', async () => {
    const { two, asked } = await beginBoth();
    two.last().onState({ state: 'restarting', reason: 'crashed', restarts: 1, delayMs: 9_000 });
    void two.last().inTurn(async () => void asked.push('two, down'));
    await two.settle();
    expect(asked).toEqual(['one', 'two, down']);
  });

  test('of one proxy are one, however often they are asked for while others have their turn', async () => {
    const { one, two, first, asked } = await beginBoth();
    const again = Promise.withResolvers<void>();
    void one.last().inTurn(async () => void asked.push('one again'));
    void two.last().inTurn(() => {
      asked.push('two again');
      return again.promise;
    });
    first.resolve('took over');
    await one.settle();
    expect(asked).toEqual(['one', 'two', 'two again']);
    again.resolve();
    await one.settle();
    expect(asked).toEqual(['one', 'two', 'two again', 'one again']);
  });

  test('do not wait for one whose Envoy does not serve any more, nor for an agent that ended', async () => {
    const crashed = await beginBoth();
    crashed.one.last().onState({ state: 'restarting', reason: 'crashed', restarts: 1, delayMs: 0 });
    await crashed.one.settle();
    expect(crashed.asked).toEqual(['one', 'two']);
    const ended = await beginBoth();
    ended.one.last().end();
    await ended.one.settle();
    expect(ended.asked).toEqual(['one', 'two']);
  });
});
