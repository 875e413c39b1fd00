import { expect, test } from 'vitest';
import { createQueue } from '../../../../src/cp/resources/queue.ts';

test('tasks run one after another in order, and a failing one does not hold up the next', async () => {
  const inTurn = createQueue();
  const seen: string[] = [];
  const task = (name: string, ticks: number) => async () => {
    seen.push(`${name} begins`);
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    seen.push(`${name} ends`);
    if (name === 'b') throw new Error('b failed');
    return name;
  };
  const results = await Promise.allSettled([
    inTurn(task('a', 5)),
    inTurn(task('b', 0)),
    inTurn(task('c', 1)),
  ]);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
