import { expect, test } from 'vitest';
import { createRestartQueue } from '../../../../src/dp/hot-restart/requests.ts';

test('wishes that come while one is granted are granted together, with all their causes', async () => {
  const queue = createRestartQueue();
  const first = queue.ask({ cause: 'SIGHUP', always: true });
  const second = queue.ask({ cause: 'changed binary', always: false });
  const third = queue.ask({ cause: 'SIGHUP', always: true });
  const request = queue.take();
  expect(request).toMatchObject({ cause: 'SIGHUP, changed binary', always: true });
  expect(queue.take()).toBeUndefined();
  request?.finish({ ok: true, text: 'done' });
  expect(await Promise.all([first, second, third])).toEqual(Array(3).fill({ ok: true, text: 'done' }));
});

test('a wish that only concerns changes stays one', async () => {
  const queue = createRestartQueue();
  void queue.ask({ cause: 'bootstrap refresh', always: false });
  expect(queue.take()?.always).toBe(false);
});

test('when the agent stops nobody is left waiting', async () => {
  const queue = createRestartQueue();
  const before = queue.ask({ cause: 'a', always: true });
  queue.close('the agent stops');
  const refused = { ok: false, text: 'the agent stops' };
  expect(await before).toEqual(refused);
  expect(await queue.ask({ cause: 'b', always: true })).toEqual(refused);
});

test('whoever listens hears of each wish, until no more', () => {
  const queue = createRestartQueue();
  let heard = 0;
  const unlisten = queue.onArrival(() => heard++);
  void queue.ask({ cause: 'a', always: true });
  void queue.ask({ cause: 'b', always: true });
  const taken = queue.take();
  expect(heard).toBe(2);
  if (taken !== undefined) queue.putBack(taken);
  expect(heard).toBe(3);
  unlisten();
  void queue.ask({ cause: 'c', always: true });
  expect(heard).toBe(3);
});

test('a request that cannot be granted now waits again with all its wishes', async () => {
  const queue = createRestartQueue();
  const asked = [
    queue.ask({ cause: 'a', always: true }),
    queue.ask({ cause: 'bootstrap refresh', always: false }),
  ];
  expect(queue.waiting).toBe('always');
  const taken = queue.take();
  expect(queue.waiting).toBe('none');
  if (taken !== undefined) queue.putBack(taken);
  queue.take()?.finish({ ok: true, text: 'done' });
  expect(await Promise.all(asked)).toEqual(Array(2).fill({ ok: true, text: 'done' }));
  void queue.ask({ cause: 'bootstrap refresh', always: false });
  expect(queue.waiting).toBe('changes');
  const late = queue.take();
  queue.close('the agent stops');
  if (late !== undefined) queue.putBack(late);
  expect(queue.waiting).toBe('none');
});

test('wishes that nobody waits for take turns, and all that are there are seen', async () => {
  const turn = Promise.withResolvers<void>();
  const queue = createRestartQueue((wish) => turn.promise.then(wish));
  void queue.ask({ cause: 'changed binary', always: false });
  expect(queue.waiting).toBe('none');
  void queue.ask({ cause: 'SIGHUP', always: true });
  expect(queue.waiting).toBe('always');
  queue.take();
  turn.resolve();
  await turn.promise;
  expect(queue.waiting).toBe('changes');
});

test('so do those that hold without any change, such as for a new token: all proxies of an agent may have it', async () => {
  const turn = Promise.withResolvers<void>();
  const queue = createRestartQueue((wish) => turn.promise.then(wish));
  void queue.ask({ cause: 'a new token', always: true, nobodyWaits: true });
  expect(queue.waiting).toBe('none');
  turn.resolve();
  await turn.promise;
  expect(queue.take()?.always).toBe(true);
});
