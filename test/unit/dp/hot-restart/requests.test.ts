import { expect, test } from 'vitest';
import { createRestartQueue } from '../../../../src/dp/hot-restart/requests.ts';

test('wishes that come while one is granted are granted together, with all their causes', async () => {
  const queue = createRestartQueue();
  const first = queue.ask({ cause: 'SIGHUP', always: true });
  const second = queue.ask({ cause: 'changed binary', always: false });
  const third = queue.ask({ cause: 'SIGHUP', always: true });
  await queue.arrived();
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

test('the next arrival is awaited anew after each taking', async () => {
  const queue = createRestartQueue();
  void queue.ask({ cause: 'a', always: true });
  queue.take();
  let arrived = false;
  void queue.arrived().then(() => {
    arrived = true;
  });
  await Promise.resolve();
  expect(arrived).toBe(false);
  void queue.ask({ cause: 'b', always: true });
  await queue.arrived();
  expect(queue.take()?.cause).toBe('b');
});
