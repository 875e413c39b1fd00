import { describe, expect, test } from 'vitest';
import { createKumactl } from '../../support/run-kumactl.ts';
import { type Reply, startDouble } from './double.ts';

const at = (name: string, creationTime: string) => ({
  type: 'Mesh',
  name,
  creationTime,
  modificationTime: creationTime,
});

describe('the view of 0.1', () => {
  test('is in order of creation, the default mesh first, also where the control plane sorts by name', async () => {
    const items = [
      at('alpha', '2026-01-01T00:00:03Z'),
      at('beta', '2026-01-01T00:00:02.5Z'),
      at('default', '2026-01-01T00:00:05Z'),
      at('gamma', '2026-01-01T00:00:02Z'),
    ];
    await using double = await startDouble(() => [200, { total: 4, items, next: null }]);
    await using kumactl = await createKumactl(double.url);
    const { stdout } = await kumactl.sh('get meshes --compat 0.1');
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'NAME',
      'default',
      'gamma',
      'beta',
      'alpha',
      '',
    ]);
    const data = JSON.parse((await kumactl.sh('get meshes --compat 0.1 -o json')).stdout);
    expect(Object.keys(data)).toEqual(['items']);
  });

  test('is overruled by --compat 2.14, and an empty variable is none', async () => {
    await using double = await startDouble(() => [200, { total: 0, items: [], next: null }]);
    await using kumactl = await createKumactl(double.url);
    const today = 'NAME   mTLS   LOCALITY   ZONEEGRESS   AGE\n';
    expect((await kumactl.sh('get meshes --compat 2.14', { env: { KUMACTL_COMPAT: '0.1' } })).stdout).toBe(
      today,
    );
    expect((await kumactl.sh('get meshes', { env: { KUMACTL_COMPAT: '' } })).stdout).toBe(today);
    expect((await kumactl.sh('get dataplanes', { env: { KUMACTL_COMPAT: '0.1' } })).stdout).toBe(
      'MESH   NAME   TAGS\n',
    );
    expect((await kumactl.sh('get traffic-routes', { env: { KUMACTL_COMPAT: '0.1' } })).stdout).toBe(
      'MESH   NAME\n',
    );
  });
});

describe('apply -f URL', () => {
  const redirecting = (location: string) => (): Reply => [302, '', { location }];

  test('reads the document there, over redirects, and applies it', async () => {
    await using double = await startDouble(({ method, url }) => {
      if (method === 'PUT') return [201, {}];
      return url === '/old.yaml' ? [301, '', { location: '/new.yaml' }] : [200, 'type: Mesh\nname: remote\n'];
    });
    await using kumactl = await createKumactl(double.url);
    const { code, stdout } = await kumactl.sh(`apply -f ${double.url}/old.yaml`);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'resource type="Mesh" mesh="" name="remote" Created\n',
    });
    expect(double.calls()).toEqual(['GET /old.yaml', 'GET /new.yaml', 'PUT /meshes/remote']);
  });

  test('gives up on a circle, on an error, and on silence', async () => {
    await using double = await startDouble(({ url }) => {
      if (url === '/circle') return redirecting('/circle')();
      return url === '/silence' ? 'silence' : [404, 'nope'];
    });
    await using kumactl = await createKumactl(double.url);
    const errorOf = async (path: string, flags = '') =>
      (await kumactl.sh(`apply${flags} -f ${double.url}/${path}`)).stderr;
    expect(await errorOf('circle')).toBe(`Error: cannot read ${double.url}/circle: more than 5 redirects\n`);
    expect(await errorOf('absent')).toBe(`Error: cannot read ${double.url}/absent: HTTP status 404\n`);
    expect(await errorOf('silence', ' --api-timeout 200ms')).toMatch(
      /^Error: cannot read .*\/silence: .*(timeout|abort)/,
    );
  });
});

describe('help', () => {
  test('is shown without a command, with --help, and for a group, and is no error', async () => {
    await using kumactl = await createKumactl();
    const asked = await kumactl.sh('--help');
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    expect(asked.stdout).toMatch(/^Usage:\n {2}kumactl \[command\]$/m);
    expect(asked.stdout).toMatch(/^Available Commands:\n {2}apply +Create or modify resources\n/m);
    expect(await kumactl.run([])).toEqual(asked);
    expect((await kumactl.sh('config control-planes')).stdout).toMatch(
      /^ {2}kumactl config control-planes \[command\]$/m,
    );
    const ofApply = (await kumactl.sh('apply --help')).stdout;
    expect(ofApply).toMatch(/^ {2}-f, --filename <file> /m);
    expect(ofApply).toMatch(/^Global Flags:\n {2}-m, --mesh <mesh> /m);
  });
});
