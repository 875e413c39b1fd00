import { expect, test } from 'vitest';
import { defaultStateDir } from '../../../../src/dp/known-good/paths.ts';

test.each([
  [{ STATE_DIRECTORY: '/var/lib/kuma:/var/lib/other' }, 0, '/var/lib/kuma'],
  [{ STATE_DIRECTORY: 'relative' }, 0, '/var/lib/kuma-dp'],
  [{ XDG_STATE_HOME: '/home/x/state' }, 0, '/var/lib/kuma-dp'],
  [{ XDG_STATE_HOME: '/home/x/state', HOME: '/home/x' }, 7, '/home/x/state/kuma-dp'],
  [{ XDG_STATE_HOME: 'relative', HOME: '/home/x' }, 7, '/home/x/.local/state/kuma-dp'],
  [{}, 7, ''],
])('with %j, user %i keeps state in "%s"', (env, uid, dir) => {
  expect(defaultStateDir(env, uid)).toBe(dir);
});
