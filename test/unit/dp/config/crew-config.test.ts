import { describe, expect, test } from 'vitest';
import { type ConfigSources, loadConfig } from '../../../../src/dp/config/load.ts';

function load(flags: ConfigSources['flags'], env: Record<string, string> = {}) {
  return loadConfig({
    ...{ flags, env, ignoredFlags: {}, configFile: '' },
    readText: async () => 'type: Dataplane\nmesh: m\nname: web\n',
    isDirectory: (path) => path.endsWith('.d'),
    defaultRunDir: '/run/kuma-dp',
    defaultStateDir: '',
  });
}

async function crew(flags: ConfigSources['flags'], env?: Record<string, string>) {
  const loaded = await load(flags, env);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.violations));
  return loaded;
}

describe('several Dataplanes', () => {
  test('are wanted by several files or a directory, and not by one file', async () => {
    const one = await crew({ dataplaneFile: ['a,b.yaml'] });
    expect(one.crew).toBeUndefined();
    expect(one.config.proxy.name).toBe('web');
    expect((await crew({ dataplaneFile: ['a.yaml', './a.yaml'] })).crew).toBeUndefined();
    expect((await crew({ dataplaneFile: ['a.yaml', 'b.yaml'] })).crew?.places).toEqual(['a.yaml', 'b.yaml']);
    expect((await crew({ dataplaneFile: ['./dps.d/'] })).crew?.places).toEqual(['dps.d']);
  });

  test('may stand in the variable with commas between', async () => {
    const env = { KUMA_DATAPLANE_RUNTIME_RESOURCE_PATH: 'a.yaml, b.yaml' };
    expect((await crew({}, env)).crew?.places).toEqual(['a.yaml', 'b.yaml']);
  });

  test('share variables, a mesh that was given, and the readiness port', async () => {
    const files = { dataplaneFile: ['a.yaml', 'b.yaml'] };
    const all = await crew({ ...files, dataplaneVars: ['x=1,2'], mesh: 'm', readinessPort: '9000' });
    expect(all.crew).toMatchObject({ mesh: 'm', readinessPort: 9000, variables: new Map([['x', '1,2']]) });
    expect((await crew(files)).crew).toMatchObject({ mesh: undefined, readinessPort: undefined });
  });

  test('refuse what only one proxy can have, each with where it was set', async () => {
    const loaded = await load(
      { dataplaneFile: ['a.d', '-'], adminPort: '9901', appHealth: 'tcp://127.0.0.1:1' },
      { KUMA_DATAPLANE_NAME: 'web' },
    );
    expect(loaded.ok ? [] : loaded.violations.map(({ field }) => field)).toEqual([
      'KUMA_DATAPLANE_NAME',
      '--admin-port',
      '--app-health',
      '--dataplane-file',
    ]);
  });
});
