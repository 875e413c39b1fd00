import { beforeEach, expect, test } from 'vitest';
import { createHandOvers, type HandOvers } from '../../../../src/dp/hot-restart/hand-overs.ts';

const before = { plan: 'that serves' };
const newer = { plan: 'newer' };
let now = 0;
let handOvers: HandOvers;

beforeEach(() => {
  now = 100;
  handOvers = createHandOvers(() => now++);
});

const refuse = (wanted: object | undefined) =>
  handOvers.refused({ cause: 'changed binary', reason: 'no such field', wanted });

test('nothing is said before the first hand-over, nor after one that works', () => {
  handOvers.unchanged(before);
  handOvers.served(before);
  expect(handOvers).toMatchObject({ last: undefined, mark: '' });
  handOvers.done('SIGHUP', 'epoch 1 took over');
  expect(handOvers.last).toEqual({ at: 100, cause: 'SIGHUP', ok: true, reason: 'epoch 1 took over' });
  expect(handOvers.mark).toBe('');
});

test('a refusal stays while the Envoy from before serves on or comes back after a crash', () => {
  refuse(newer);
  handOvers.served(before);
  expect(handOvers.last).toEqual({ at: 100, cause: 'changed binary', ok: false, reason: 'no such field' });
  expect(handOvers.mark).toBe('no hand-over (changed binary): no such field');
});

test.each<[string, () => void]>([
  ['a hand-over works', () => handOvers.done('SIGHUP', 'epoch 1 took over')],
  ['what was refused is taken up by a new start', () => handOvers.served(newer)],
  ['nobody asks for it any more', () => handOvers.unchanged(before)],
])('a refusal ends when %s', (_, happen) => {
  refuse(newer);
  happen();
  expect(handOvers.mark).toBe('');
  expect(handOvers.last).toMatchObject({ at: 101, ok: true });
});

test('a refused restart that was to change nothing is not settled by a look that finds no change', () => {
  refuse(before);
  handOvers.unchanged(before);
  expect(handOvers.mark).not.toBe('');
  handOvers.served(before);
  expect(handOvers.mark).toBe('');
});

test('a binary that could not even be looked at is forgotten once the old one is found again', () => {
  refuse(undefined);
  handOvers.served(before);
  expect(handOvers.mark).not.toBe('');
  handOvers.unchanged(before);
  expect(handOvers.mark).toBe('');
});
