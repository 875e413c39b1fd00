import { expect, test } from 'vitest';
import { forgetLauncherVariables } from '../../../src/lib/launcher-environment.ts';

test('what only the launcher put into the environment is taken out of it', () => {
  const env = {
    KUMA_LAUNCHER_SET: 'MALLOC_A MALLOC_B',
    MALLOC_A: '1',
    MALLOC_B: '2',
    MALLOC_C: '3',
    PATH: '/bin',
  };
  forgetLauncherVariables(env);
  expect(env).toEqual({ MALLOC_C: '3', PATH: '/bin' });
});

test('the environment of a program that was started without its launcher stays as it is', () => {
  const env = { MALLOC_A: '1', PATH: '/bin' };
  forgetLauncherVariables(env);
  expect(env).toEqual({ MALLOC_A: '1', PATH: '/bin' });
});
