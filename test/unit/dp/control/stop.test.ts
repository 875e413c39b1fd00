import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { catchWishes } from '../../../../src/dp/control/signals.ts';
import { acceptStops } from '../../../../src/dp/control/stop.ts';
import { listenForStop } from '../../../../src/lib/stop-signals.ts';

function setUp() {
  const source = new EventEmitter();
  return { source, ...acceptStops(listenForStop(source, ['SIGTERM'])) };
}

test.each([
  ['signal', 'signal'],
  ['request', 'request'],
  ['request', 'signal'],
  ['signal', 'request'],
])('a %s is a wish to stop in good order, a %s after it one to stop at once', (first, second) => {
  const { source, stop, request } = setUp();
  const wish = (kind: string) => (kind === 'signal' ? source.emit('SIGTERM') : request('kuma-dp stop'));
  wish(first);
  expect([stop.graceful.aborted, stop.immediate.aborted]).toEqual([true, false]);
  expect(stop.graceful.reason).toBe(first === 'signal' ? 'SIGTERM' : 'kuma-dp stop');
  wish(second);
  expect(stop.immediate.aborted).toBe(true);
});

test('SIGHUP and SIGUSR2 are wishes, and a drain that was asked for early is not forgotten', () => {
  const source = new EventEmitter();
  const wishes = catchWishes(source);
  source.emit('SIGUSR2');
  source.emit('SIGHUP');
  const heard: string[] = [];
  wishes.listen({ onRestart: (cause) => heard.push(cause), onDrain: (cause) => heard.push(cause) });
  source.emit('SIGHUP');
  expect(heard).toEqual(['SIGUSR2', 'SIGHUP']);
  wishes.dispose();
  expect(source.listenerCount('SIGHUP') + source.listenerCount('SIGUSR2')).toBe(0);
});
