import { expect, test } from 'vitest';
import { toAnswer, withLine } from '../../../../src/dp/readiness/answer.ts';

test.each([
  [{ state: 'ready', restarts: 0, pid: 1 }, 200, 'READY\n'],
  [{ state: 'degraded', restarts: 0, pid: 1, reason: 'listeners' }, 200, 'DEGRADED: listeners\n'],
  [{ state: 'starting', restarts: 0, pid: 1 }, 503, 'STARTING: waiting for its listeners\n'],
  [
    { state: 'restarting', restarts: 1, delayMs: 1, reason: 'exit code 7' },
    503,
    'RESTARTING: Envoy ended: exit code 7\n',
  ],
  [{ state: 'bootstrapping', envoyVersion: '' }, 503, 'BOOTSTRAPPING\n'],
  [{ state: 'draining', cause: 'SIGTERM' }, 503, 'DRAINING\n'],
] as const)('%j answers %i %j', (state, status, body) => {
  expect(toAnswer(state, ['its listeners'])).toEqual({ status, body });
});

test('a line more leaves the status and the first line as they are', () => {
  const answer = toAnswer({ state: 'ready', restarts: 0, pid: 1 }, []);
  expect(withLine(answer, '')).toBe(answer);
  expect(withLine(answer, 'no hand-over')).toEqual({ status: 200, body: 'READY\nno hand-over\n' });
});
