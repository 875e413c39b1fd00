import { describe, expect, test } from 'vitest';
import { createGate } from '../../../../src/dp/crew/gate.ts';
import { type Attempt, startMember } from '../../../../src/dp/crew/member.ts';
import type { Entry } from '../../../../src/dp/crew/roster.ts';
import { createBackoff } from '../../../../src/lib/backoff.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const ENTRY: Entry = { path: 'd/a.yaml', mesh: 'm', name: 'a', json: 'one', tokenFile: undefined };

/** A member whose agent runs until the test says how it ends, or it is told to stop. */
function begin(after: Promise<unknown> = Promise.resolve()) {
  const clock = createFakeClock();
  const attempts: (Attempt & { end(error?: Error): void })[] = [];
  const member = startMember({
    entry: ENTRY,
    after,
    gate: createGate({ places: 1, mostMs: 1, clock }),
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
