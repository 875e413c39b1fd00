import { expect, test } from 'vitest';
import { judge, UNKNOWN_HEALTH } from '../../../../src/dp/app-health/judge.ts';

/** `+` a success, `-` a failure; what is known after each. */
function run(results: string, thresholds: { unhealthyThreshold: number; healthyThreshold: number }): string {
  let state = UNKNOWN_HEALTH;
  return [...results]
    .map((r) => {
      state = judge(state, { ok: r === '+', reason: r === '+' ? '' : 'down' }, thresholds);
      return { unknown: '?', healthy: 'h', unhealthy: 'u' }[state.health];
    })
    .join('');
}

test.each([
  ['----+', '????h', 3, 1],
  ['+--+--+---', 'hhhhhhhhhu', 3, 1],
  ['+---+', 'hhhuh', 3, 1],
  ['+-+', 'huh', 1, 1],
  ['-+--+-++', '?hhuuuuh', 2, 2],
])('%s is %s with thresholds %i and %i', (results, known, unhealthyThreshold, healthyThreshold) => {
  expect(run(results, { unhealthyThreshold, healthyThreshold })).toBe(known);
});
