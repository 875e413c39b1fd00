import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createNotifier } from '../../../../src/dp/notify/notifier.ts';
import type { AgentState } from '../../../../src/dp/state/agent-state.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const READY: AgentState = { state: 'ready', restarts: 0, pid: 7 };
const starting = (pid: number): AgentState => ({ state: 'starting', restarts: 0, pid });

describe('messages', () => {
  test('one goes out at a time, in the order of what happened', async () => {
    const { notifier, sent, finish } = setUp();
    notifier.onState(starting(1));
    notifier.onState(READY);
    notifier.onState({ state: 'draining', cause: 'SIGTERM' });
    expect(sent()).toEqual(['STATUS']);
    await finish();
    expect(sent()).toEqual(['STATUS', 'READY']);
    await finish();
    expect(sent()).toEqual(['STATUS', 'READY', 'STOPPING']);
  });

  test('of descriptions that follow each other fast only the newest is sent, after a pause', async () => {
    const { notifier, sent, texts, finish, clock } = setUp();
    for (let pid = 1; pid <= 100; pid++) notifier.onState(starting(pid));
    await finish();
    expect(sent()).toHaveLength(1);
    clock.advance(500);
    expect(texts().at(-1)).toContain('pid 100');
    expect(sent()).toHaveLength(2);
  });

  test('READY is never held back by the pause', async () => {
    const { notifier, sent, finish } = setUp();
    notifier.onState(starting(1));
    await finish();
    notifier.onState(READY);
    expect(sent()).toEqual(['STATUS', 'READY']);
  });

  test('closing waits for what is under way and sends what is left', async () => {
    const { notifier, sent, finish } = setUp();
    notifier.onState(READY);
    notifier.onState({ state: 'stopped', reason: 'SIGTERM' });
    let closed = false;
    const closing = notifier.close().then(() => {
      closed = true;
    });
    await turn();
    expect(closed).toBe(false);
    await finish();
    await finish();
    await closing;
    expect(sent()).toEqual(['READY', 'STATUS']);
  });
});

describe('the watchdog', () => {
  test('is fed at half of its time while all is well, and not otherwise', async () => {
    let healthy = true;
    const { sent, finish, clock, notifier } = setUp({ watchdogMs: 10_000, isHealthy: () => healthy });
    clock.advance(4_999);
    expect(sent()).toEqual([]);
    clock.advance(1);
    await finish();
    expect(sent()).toEqual(['WATCHDOG']);
    healthy = false;
    clock.advance(20_000);
    expect(sent()).toEqual(['WATCHDOG']);
    healthy = true;
    clock.advance(5_000);
    await finish();
    expect(sent()).toEqual(['WATCHDOG', 'WATCHDOG']);
    await notifier.close();
    clock.advance(60_000);
    expect(sent()).toHaveLength(2);
  });

  test('does not take the place of a status that waits for its turn', async () => {
    const { notifier, texts, finish, clock } = setUp({ watchdogMs: 200 });
    notifier.onState(starting(1));
    await finish();
    notifier.onState(starting(2));
    clock.advance(100);
    clock.advance(400);
    await finish();
    expect(texts().join()).toContain('pid 2');
  });

  test('a service manager that does not read does not make messages pile up', () => {
    const { clock, sent, finish } = setUp({ watchdogMs: 10_000 });
    clock.advance(100_000);
    expect(sent()).toHaveLength(1);
    return finish();
  });
});

function setUp(options: { watchdogMs?: number; isHealthy?: () => boolean } = {}) {
  const clock = createFakeClock();
  const messages: (readonly string[])[] = [];
  let done: () => void = () => {};
  const notifier = createNotifier({
    clock,
    patience: { startMs: 1, stopMs: 1 },
    watchdogMs: options.watchdogMs,
    isHealthy: options.isHealthy ?? (() => true),
    send: (lines) => {
      messages.push(lines);
      return new Promise((resolve) => {
        done = resolve;
      });
    },
  });
  return {
    notifier,
    clock,
    sent: () => messages.map(([first = '']) => first.split('=')[0]),
    texts: () => messages.map((lines) => lines.join('\n')),
    finish: async () => {
      done();
      await turn();
    },
  };
}
