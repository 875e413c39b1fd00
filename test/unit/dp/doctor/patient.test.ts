import { expect, test } from 'vitest';
import { tokenCheck } from '../../../../src/dp/doctor/checks/token.ts';
import { aPatient, textOf } from './support.ts';

const { signal } = new AbortController();

test('a token that the configuration file names is looked at', async () => {
  const files: Record<string, string> = {
    'dp.yaml': 'dataplane: {name: web}\ndataplaneRuntime: {tokenPath: web.token}\n',
    'web.token': 'hello',
  };
  const patient = await aPatient({
    configFile: 'dp.yaml',
    readText: async (path) => files[path] ?? '',
  });
  expect(patient.violations).toEqual([]);
  expect(textOf(await tokenCheck.run(patient, signal))).toContain('web.token holds no token');
});

test.each([
  ['KUMA_DATAPLANE_RUNTIME_CONFIG_DIR', { env: { KUMA_DATAPLANE_RUNTIME_CONFIG_DIR: '/srv/run' } }],
  ['the configuration file', { configFile: 'dp.yaml' }],
])('the run directory of %s is the one also where other settings are unusable', async (_what, sources) => {
  const patient = await aPatient({
    ...sources,
    readText: async () => 'dataplaneRuntime: {runDir: /srv/run}\n',
    flags: { name: 'web', drainTime: '0s' },
    defaultRunDir: '/run/other',
  });
  expect(patient.config).toBeUndefined();
  expect(patient.runDir).toBe('/srv/run');
});
