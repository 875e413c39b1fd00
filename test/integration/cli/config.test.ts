import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createKumactl } from '../../support/run-kumactl.ts';
import { startDouble } from './double.ts';

const LIST = { total: 0, items: [], next: null };

describe('the configuration file', () => {
  test('is made at first use, for its owner alone', async () => {
    await using kumactl = await createKumactl();
    const { code, stdout } = await kumactl.sh('config view');
    expect(code).toBe(0);
    expect(stdout).toBe(await readFile(kumactl.configFile, 'utf8'));
    expect(stdout).toContain('url: http://localhost:5681\n');
    expect((await stat(kumactl.configFile)).mode & 0o777).toBe(0o600);
    expect((await stat(join(kumactl.dir, '.kumactl'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(kumactl.dir, '.kumactl'))).toEqual(['config']);
  });

  test('is not made with --no-config, and cannot be changed then', async () => {
    await using kumactl = await createKumactl();
    expect((await kumactl.sh('--no-config config view')).stdout).toContain('http://localhost:5681');
    expect(
      (await kumactl.sh('config control-planes add --no-config --name x --address http://x --skip-check'))
        .stderr,
    ).toBe('Error: the configuration cannot be changed with --no-config\n');
    expect(await readdir(kumactl.dir)).toEqual([]);
  });

  test('that cannot be made is a warning for a command that only reads it', async () => {
    await using kumactl = await createKumactl();
    const { code, stdout, stderr } = await kumactl.sh(
      'config control-planes list --config-file no/such/directory/config',
    );
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'ACTIVE   NAME    ADDRESS\n*        local   http://localhost:5681\n',
    });
    expect(stderr).toMatch(/^WARNING: cannot write configuration file .*no\/such\/directory\/config: ENOENT/);
  });

  test('that cannot be read is an error, for it may name another control plane', async () => {
    await using kumactl = await createKumactl();
    await writeFile(join(kumactl.dir, '.kumactl'), 'a file where the directory should be');
    const { code, stderr } = await kumactl.sh('get meshes');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error: cannot read configuration file .*ENOTDIR/);
  });

  test('that is broken is told with its path', async () => {
    await using kumactl = await createKumactl();
    await mkdir(join(kumactl.dir, '.kumactl'));
    await writeFile(kumactl.configFile, 'contexts: [');
    expect((await kumactl.sh('get meshes')).stderr).toMatch(
      /^Error: configuration file .*\.kumactl\/config is not YAML: .*\n$/,
    );
  });

  test('keeps fields of others, stays a symbolic link, and becomes private when it is written', async () => {
    await using kumactl = await createKumactl();
    await mkdir(join(kumactl.dir, '.kumactl'));
    const real = join(kumactl.dir, 'dotfiles-config');
    await writeFile(real, 'future: 1\ncontrolPlanes: []\ncontexts: []\ncurrentContext: ""\n');
    await chmod(real, 0o644);
    await symlink(real, kumactl.configFile);
    await kumactl.sh('config control-planes add --name x --address http://x:5681 --skip-check');
    expect(await readFile(real, 'utf8')).toMatch(/^future: 1\n[\s\S]*currentContext: x\n$/);
    expect((await stat(real)).mode & 0o777).toBe(0o600);
  });
});

describe('config control-planes', () => {
  test('adds one that answers as Kuma, makes it active, switches and removes', async () => {
    await using double = await startDouble(() => [200, LIST]);
    await using kumactl = await createKumactl();
    const added = await kumactl.sh(`config control-planes add --name prod --address ${double.url}`);
    expect(added).toEqual({
      code: 0,
      stdout: 'added Control Plane "prod"\nswitched active Control Plane to "prod"\n',
      stderr: '',
    });
    expect((await kumactl.sh('get meshes')).code).toBe(0);
    expect((await kumactl.sh('config control-planes list')).stdout).toBe(
      `ACTIVE   NAME    ADDRESS\n         local   http://localhost:5681\n*        prod    ${double.url}\n`,
    );
    expect((await kumactl.sh('config control-planes switch --name local')).stdout).toBe(
      'switched active Control Plane to "local"\n',
    );
    await kumactl.sh('config control-planes switch --name prod');
    expect((await kumactl.sh('config control-planes remove --name prod')).stdout).toBe(
      'removed Control Plane "prod"\nswitched active Control Plane to "local"\n',
    );
    expect(await kumactl.sh('config control-planes remove --name prod')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Error: there is no Control Plane with name "prod"\n',
    });
  });

  test('does not add what is not there or is not Kuma, unless told to', async () => {
    await using other = await startDouble(undefined, [200, { product: 'Other', version: '1' }]);
    await using kumactl = await createKumactl();
    const before = (await kumactl.sh('config view')).stdout;
    const { code, stderr } = await kumactl.sh(`config control-planes add --name x --address ${other.url}`);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'Error: what answers there is not Kuma; nothing was added (--skip-check adds it unseen)\n',
    });
    expect((await kumactl.sh('config view')).stdout).toBe(before);
    expect(
      (await kumactl.sh(`config control-planes add --name x --address ${other.url} --skip-check`)).code,
    ).toBe(0);
    expect(
      (await kumactl.sh(`config control-planes add --name x --address ${other.url} --skip-check`)).stderr,
    ).toMatch(/^Error: Control Plane with name "x" already exists/);
    expect(
      (await kumactl.sh(`config control-planes add --name x --address ${other.url} --skip-check --overwrite`))
        .code,
    ).toBe(0);
  });

  test('refuses an address that is none, half a client certificate and a CA that cannot be read', async () => {
    await using kumactl = await createKumactl();
    const add = async (rest: string) =>
      (await kumactl.sh(`config control-planes add --name x --skip-check ${rest}`)).stderr;
    expect(await add('--address localhost:5681')).toMatch(
      /^Error: control plane address "localhost:5681" is not a URL such as/,
    );
    expect(await add('--address http://u:p@h')).toMatch(
      /^Error: control plane address must not hold a user or password/,
    );
    expect(await add('--address https://h --client-cert-file c.pem')).toMatch(/are only of use together/);
    expect(await add('--address https://h --ca-cert-file nope.pem')).toMatch(
      /^Error: cannot read certificate or key file .*nope\.pem: ENOENT/,
    );
  });

  test('sends headers and the token, hides both when the configuration is shown', async () => {
    await using double = await startDouble(() => [200, LIST]);
    await using kumactl = await createKumactl();
    await kumactl.sh(
      `config control-planes add --name x --address ${double.url} --headers x-team=mesh --headers x-api-key=K3Y --auth-type tokens --auth-conf token=T0KEN`,
    );
    await kumactl.sh('get meshes');
    expect(double.seen.at(-1)?.headers).toMatchObject({
      'x-team': 'mesh',
      'x-api-key': 'K3Y',
      authorization: 'Bearer T0KEN',
    });
    const { stdout } = await kumactl.sh('config view');
    expect(stdout).toContain('value: mesh');
    expect(stdout).not.toMatch(/T0KEN|K3Y/);
    expect((await kumactl.sh('config view --raw')).stdout).toContain('token: T0KEN');
  });

  test('never sends a token in the clear over a network', async () => {
    await using kumactl = await createKumactl();
    const { code, stderr } = await kumactl.sh(
      'config control-planes add --name x --address http://10.0.0.1:5681 --auth-type tokens --auth-conf token=T --skip-check',
    );
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'Error: control plane "x": a token is not sent in the clear to http://10.0.0.1:5681; use its https:// address\n',
    });
  });

  test('gives a context a mesh of its own', async () => {
    await using double = await startDouble(() => [200, LIST]);
    await using kumactl = await createKumactl(double.url);
    const text = await readFile(kumactl.configFile, 'utf8');
    await writeFile(
      kumactl.configFile,
      text.replace('  controlPlane: local', '  controlPlane: local\n  defaults:\n    mesh: bookinfo'),
    );
    await kumactl.sh('get dataplanes');
    await kumactl.sh('get dataplanes -m other');
    expect(double.calls()).toEqual(['GET /meshes/bookinfo/dataplanes', 'GET /meshes/other/dataplanes']);
  });
});
