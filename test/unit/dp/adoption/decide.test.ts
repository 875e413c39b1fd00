import { describe, expect, test } from 'vitest';
import { decide, type EnvoyAnswer, type Look } from '../../../../src/dp/adoption/decide.ts';
import { aKeptEnvoy } from '../../../support/kept-envoy.ts';

function look(
  epoch: number,
  state: string | undefined,
  answer: Partial<EnvoyAnswer> = {},
  listens = true,
): Look {
  const envoy = aKeptEnvoy({ epoch });
  const said = state === undefined ? undefined : { state, epoch, configPath: envoy.bootstrapPath, ...answer };
  return { envoy, answer: said, listens };
}

describe('one Envoy is left', () => {
  test('that serves: it is adopted', () => {
    const live = look(3, 'LIVE');
    expect(decide([live])).toEqual({
      ...{ kind: 'adopt', serving: live.envoy, leaving: undefined, adminLost: false, kill: [] },
    });
  });

  test.each([
    ['hangs', look(0, undefined), 'does not answer'],
    ['drains', look(0, 'DRAINING'), 'its state is DRAINING'],
    ['never served', look(0, 'INITIALIZING'), 'its state is INITIALIZING'],
    [
      'is another epoch than was written down',
      look(0, 'LIVE', { epoch: 4 }),
      'another Envoy answers (epoch 4',
    ],
    [
      'runs another bootstrap',
      look(0, 'LIVE', { configPath: '/etc/x' }),
      'another Envoy answers (epoch 0, /etc/x)',
    ],
  ])('that %s: it is ended', (_what, seen, reason) => {
    expect(decide([seen])).toEqual({ kind: 'end', reason: expect.stringContaining(reason) });
  });
});

describe('two Envoys are left', () => {
  test('of which the newer serves: the older lets its connections go', () => {
    const parent = look(1, undefined, {}, false);
    const child = look(2, 'LIVE');
    expect(decide([parent, child])).toMatchObject({
      ...{ kind: 'adopt', serving: child.envoy, leaving: parent.envoy, adminLost: false, kill: [] },
    });
  });

  test('of which the newer was still starting: it is killed, and the older adopted without its admin interface', () => {
    const parent = look(1, undefined);
    const child = look(2, 'PRE_INITIALIZING');
    expect(decide([child, parent])).toMatchObject({
      ...{ kind: 'adopt', serving: parent.envoy, leaving: undefined, adminLost: true, kill: [child.envoy] },
    });
  });

  test('of which the newer had not touched the older yet: the older is adopted as it is', () => {
    const parent = look(1, 'LIVE');
    const child = look(2, undefined, {}, false);
    expect(decide([child, parent])).toMatchObject({
      serving: parent.envoy,
      adminLost: false,
      kill: [child.envoy],
    });
  });

  test('of which the newer hangs after it took over: both are ended, since the older takes no connections', () => {
    expect(decide([look(1, undefined, {}, false), look(2, undefined)]).kind).toBe('end');
  });
});

test('of three the oldest is killed: it would be cut by the next hand-over in any case', () => {
  const [oldest, parent, child] = [look(0, undefined), look(1, undefined), look(2, 'LIVE')];
  expect(decide([oldest, parent, child])).toMatchObject({
    ...{ serving: child.envoy, leaving: parent.envoy, kill: [oldest.envoy] },
  });
});
