import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Kumactl, Ran } from '../../support/run-kumactl.ts';
import { createKumactl } from '../../support/run-kumactl.ts';
import { type ApiUnderTest, startApi } from '../api/harness.ts';

const MESH = 'type: Mesh\nname: bookinfo\nmtls:\n  enabled: false\n';
const RATINGS = `type: Dataplane
mesh: bookinfo
name: ratings-v1
networking:
  inbound:
  - interface: 127.0.0.1:10001:10000
    tags:
      app: bookinfo
      service: ratings
      version: v1
`;
const OLD = { KUMACTL_COMPAT: '0.1' };
const VERSION_WARNING =
  /^WARNING: You are using kumactl version \S+ for Kuma, but the server returned version: Kuma 2\.14\.3\n/m;

/** The output without the warning about versions, which differ in this set-up. */
function quiet({ code, stdout, stderr }: Ran): Ran {
  return { code, stdout, stderr: stderr.replace(VERSION_WARNING, '') };
}

async function withBoth(
  run: (both: { api: ApiUnderTest; kumactl: Kumactl }) => Promise<void>,
): Promise<void> {
  await using api = await startApi();
  await using kumactl = await createKumactl(api.url);
  await run({ api, kumactl });
}

describe('the commands of the article', () => {
  test('print the table of meshes to the byte', () =>
    withBoth(async ({ kumactl }) => {
      const applied = await kumactl.sh('apply -f -', { stdin: MESH, env: OLD });
      expect(quiet(applied)).toEqual({ code: 0, stdout: '', stderr: '' });
      const { stdout } = await kumactl.sh('get meshes', { env: OLD });
      expect(stdout).toBe('NAME       mTLS   DP ACCESS LOGS\ndefault    off    off\nbookinfo   off    off\n');
      const { stdout: byFlag } = await kumactl.sh('get meshes --compat 0.1');
      expect(byFlag).toBe(stdout);
    }));

  test('show a data plane proxy with --mesh before the sub-command, after it and as -m', () =>
    withBoth(async ({ kumactl }) => {
      await kumactl.sh('apply -f -', { stdin: MESH, env: OLD });
      expect(quiet(await kumactl.sh('apply -f -', { stdin: RATINGS, env: OLD })).code).toBe(0);
      const outputs = new Set<string>();
      for (const line of [
        '--mesh bookinfo inspect dataplanes',
        'inspect dataplanes --mesh bookinfo',
        'inspect -m bookinfo dataplanes',
      ]) {
        outputs.add((await kumactl.sh(line, { env: OLD })).stdout);
      }
      expect([...outputs]).toEqual([
        'MESH       NAME         TAGS                                                   STATUS    LAST CONNECTED AGO   LAST UPDATED AGO   TOTAL UPDATES   TOTAL ERRORS\n' +
          'bookinfo   ratings-v1   app=bookinfo service=ratings version=v1 zone=default   Offline   never                never              0               0\n',
      ]);
    }));
});

const ROUTE = `type: TrafficRoute
name: route-1
mesh: bookinfo
rules:
  - sources:
      - match:
          app: bookinfo
          service: productpage
    destinations:
      - match:
          app: bookinfo
          service: reviews
    conf:
      - weight: 80
        destination:
          - service: reviews
            version: v1
      - weight: 10
        destination:
          - service: reviews
            version: v2
      - weight: 10
        destination:
          - service: backend
            version: v3
`;

test('the route at the end of the article is applied as written, with a warning that names its slip once', () =>
  withBoth(async ({ api, kumactl }) => {
    await kumactl.sh('apply -f -', { stdin: MESH });
    const { code, stderr } = quiet(await kumactl.sh('apply -f -', { stdin: ROUTE, env: OLD }));
    expect(code).toBe(0);
    expect(stderr.match(/^Warning: .*backend.*$/gm)).toHaveLength(1);
    const lines = stderr.trim().split('\n');
    expect(new Set(lines).size).toBe(lines.length);
    const stored = (await api.get('/meshes/bookinfo/traffic-routes/route-1')).json;
    expect(stored).toMatchObject({ conf: { split: [{ weight: 80 }, { weight: 10 }, { weight: 10 }] } });
  }));

describe('apply', () => {
  test('says Created, then Updated, for each resource', () =>
    withBoth(async ({ kumactl }) => {
      const stdin = `${MESH}---\n${RATINGS}`;
      const line = (verb: string) =>
        `resource type="Mesh" mesh="" name="bookinfo" ${verb}\nresource type="Dataplane" mesh="bookinfo" name="ratings-v1" ${verb}\n`;
      expect((await kumactl.sh('apply -f -', { stdin })).stdout).toBe(line('Created'));
      expect((await kumactl.sh('apply', { stdin })).stdout).toBe(line('Updated'));
    }));

  test('stores what --dry-run prints, and --dry-run stores nothing', () =>
    withBoth(async ({ api, kumactl }) => {
      const stdin = `${MESH}---\n${RATINGS}`;
      const dry = await kumactl.sh('apply -f - --dry-run', { stdin });
      expect(dry.code).toBe(0);
      expect((await api.get('/meshes')).json.total).toBe(1);
      const [mesh, dataplane] = dry.stdout.split('---\n').map((text) => parse(text));
      expect(mesh).toEqual({ type: 'Mesh', name: 'bookinfo' });
      await kumactl.sh('apply -f -', { stdin: dry.stdout });
      const stored = (await api.get('/meshes/bookinfo/dataplanes/ratings-v1')).json;
      expect(stored).toMatchObject(dataplane);
    }));

  test('takes the mesh from -m for documents that name none, and leaves those that do', () =>
    withBoth(async ({ api, kumactl }) => {
      const stdin = `${MESH}---\n${RATINGS.replace('mesh: bookinfo\n', '')}---\n${RATINGS.replace('mesh: bookinfo', 'mesh: default')}`;
      expect((await kumactl.sh('apply -m bookinfo -f -', { stdin })).code).toBe(0);
      const { items } = (await api.get('/dataplanes')).json as { items: { mesh: string }[] };
      expect(items.map(({ mesh }) => mesh).sort()).toEqual(['bookinfo', 'default']);
    }));

  test('reads the files of a directory in order, and puts values into placeholders', () =>
    withBoth(async ({ kumactl }) => {
      const dir = join(kumactl.dir, 'conf');
      await mkdir(join(dir, 'below'), { recursive: true });
      await writeFile(join(dir, '2.yml'), RATINGS.replace('127.0.0.1', '{{ ip }}'));
      await writeFile(join(dir, '1.json'), '{"type": "Mesh", "name": "bookinfo"}');
      await writeFile(join(dir, 'notes.txt'), 'not for us: [');
      await writeFile(join(dir, 'below', '3.yaml'), 'not for us: [');
      const applied = await kumactl.sh('apply -f conf -v ip=127.0.0.2');
      expect(applied.stdout.split('\n')).toHaveLength(3);
      expect((await kumactl.sh('get dataplanes -m bookinfo')).stdout).toContain('   127.0.0.2   ');
    }));

  test('shows every violation with the line it is about, and applies nothing', () =>
    withBoth(async ({ api, kumactl }) => {
      const bad =
        'type: Dataplane\nmesh: bookinfo\nname: dp\nnetworking:\n  inbound:\n  - port: 70000\n    tags: {version: v1}\n';
      const { code, stdout, stderr } = await kumactl.sh('apply -f -', {
        stdin: `${MESH}---\n${bad}---\ntype: Nope\nname: x\n`,
      });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('resource[1]: failed to parse resource:\n');
      expect(stderr).toMatch(/^\* networking\.address: .*\(stdin:9:1\)$/m);
      expect(stderr).toMatch(/^\* networking\.inbound\[0\]\.port: .*\(stdin:11:5\)$/m);
      expect(stderr).toMatch(/^\* networking\.inbound\[0\]\.tags\["kuma\.io\/service"\]: .*\(stdin:12:5\)$/m);
      expect(stderr).toContain(
        'resource[2]: failed to parse resource:\n* type: invalid resource type "Nope" (stdin:14:1)\n',
      );
      expect(stderr).toContain('Error: failed to validate some resources, nothing was applied\n');
      expect((await api.get('/meshes')).json.total).toBe(1);
    }));

  test('points into the old shape for an old document', () =>
    withBoth(async ({ kumactl }) => {
      const { code, stderr } = await kumactl.sh('apply -f -', {
        stdin: RATINGS.replace('10001:10000', '10001'),
      });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^\* networking\.inbound\[0\]\.interface: .*\(stdin:6:5\)$/m);
    }));

  test('names an absent mesh and how far it came', () =>
    withBoth(async ({ kumactl }) => {
      const stdin = `${MESH}---\n${RATINGS.replace('mesh: bookinfo', 'mesh: nope')}---\n${RATINGS}`;
      const { code, stdout, stderr } = await kumactl.sh('apply -f -', { stdin });
      expect(code).toBe(1);
      expect(stdout).toBe('resource type="Mesh" mesh="" name="bookinfo" Created\n');
      expect(stderr).toContain(
        'Error: resource type="Dataplane" mesh="nope" name="ratings-v1": failed server side: Failed to retrieve Mesh (Not found); of 3 resources the first 1 were applied, the others were not\n',
      );
    }));

  test('warns once of an unknown field, on stderr, and applies', () =>
    withBoth(async ({ kumactl }) => {
      const { code, stdout, stderr } = quiet(
        await kumactl.sh('apply -f -', { stdin: 'type: Mesh\nname: m\nfuture: 1\n' }),
      );
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: 'resource type="Mesh" mesh="" name="m" Created\n',
      });
      expect(stderr.match(/^Warning: .*future.*$/gm)).toHaveLength(1);
    }));

  test('shows what the control plane alone can warn of: a split to a service nobody offers', () =>
    withBoth(async ({ kumactl }) => {
      const route =
        'type: TrafficRoute\nname: r\nmesh: default\nsources: [{match: {kuma.io/service: "*"}}]\ndestinations: [{match: {kuma.io/service: reviews}}]\nconf: {split: [{weight: 1, destination: {kuma.io/service: backend}}]}\n';
      const { code, stderr } = quiet(await kumactl.sh('apply -f -', { stdin: route }));
      expect(code).toBe(0);
      expect(stderr).toMatch(/^Warning: .*backend/m);
    }));

  test('refuses an empty input and a missing file', () =>
    withBoth(async ({ kumactl }) => {
      expect((await kumactl.sh('apply -f -', { stdin: '---\n# nothing\n' })).stderr).toBe(
        'Error: no resource(s) passed to apply\n',
      );
      expect((await kumactl.sh('apply -f nope.yaml')).stderr).toMatch(
        /^Error: cannot read nope\.yaml: ENOENT/,
      );
      expect((await kumactl.sh('apply')).stderr).toMatch(
        /^Error: nothing to apply: name a file with -f FILE/,
      );
    }));
});

describe('get and delete', () => {
  test('show the tables of today', () =>
    withBoth(async ({ kumactl }) => {
      await kumactl.sh('apply', { stdin: `${MESH}---\n${RATINGS}` });
      const now = new Date(Date.now() + 3 * 3_600_000 + 60_000).toISOString();
      expect((await kumactl.sh('get meshes', { now })).stdout).toBe(
        'NAME       mTLS   LOCALITY   ZONEEGRESS   AGE\nbookinfo   off    off        off          3h\ndefault    off    off        off          3h\n',
      );
      expect((await kumactl.sh('get dataplanes -m bookinfo', { now })).stdout).toBe(
        'MESH       NAME         TAGS                                                                   ADDRESS     AGE\n' +
          'bookinfo   ratings-v1   app=bookinfo kuma.io/service=ratings kuma.io/zone=default version=v1   127.0.0.1   3h\n',
      );
      expect((await kumactl.sh('get traffic-routes')).stdout).toBe('MESH   NAME   AGE\n');
    }));

  test('show one resource in a form that apply takes back without a warning', () =>
    withBoth(async ({ kumactl }) => {
      await kumactl.sh('apply', { stdin: `${MESH}---\n${RATINGS}` });
      const { stdout } = await kumactl.sh('get dataplane ratings-v1 -m bookinfo -o yaml');
      const again = quiet(await kumactl.sh('apply -f -', { stdin: stdout }));
      expect(again).toEqual({
        code: 0,
        stdout: 'resource type="Dataplane" mesh="bookinfo" name="ratings-v1" Updated\n',
        stderr: '',
      });
      const list = JSON.parse((await kumactl.sh('get meshes -o json')).stdout);
      expect(list).toMatchObject({
        total: 2,
        items: [{ name: 'bookinfo' }, { name: 'default' }],
        next: null,
      });
    }));

  test('go through pages with --size and --offset', () =>
    withBoth(async ({ kumactl }) => {
      await kumactl.sh('apply', { stdin: MESH });
      const first = await kumactl.sh('get meshes --size 1');
      expect(first.stdout).toMatch(
        /^NAME.*\nbookinfo .*\nRerun command with --offset=1 argument to retrieve more resources\n$/,
      );
      expect((await kumactl.sh('get meshes --size 1 --offset=1')).stdout).toMatch(/^NAME.*\ndefault .*\n$/);
      expect((await kumactl.sh('get meshes --size 0')).stderr).toMatch(
        /^Error: .*\(Invalid page size\)\n\* size: must be greater than 0\n/m,
      );
      expect((await kumactl.sh('get meshes --size x')).stderr).toContain(
        'Error: --size is "x", but must be a whole number\n',
      );
    }));

  test('say what is not there and exit with 1', () =>
    withBoth(async ({ kumactl }) => {
      const errors: [string, string][] = [
        ['get mesh nope', 'Error: No resources found\n'],
        ['get dataplane nope -m default', 'Error: No resources found in default mesh\n'],
        ['get dataplanes -m nope', 'Error: Failed to retrieve Mesh (Not found)\n'],
        ['get nonsense', 'Error: unknown TYPE: nonsense. Allowed values: dataplane, mesh, traffic-route\n'],
        [
          'get mesh',
          'Error: the name is missing: "kumactl get mesh NAME" shows one, "kumactl get meshes" lists all\n',
        ],
        ['delete mesh nope', 'Error: there is no Mesh with name "nope"\n'],
        ['delete dataplane nope', 'Error: there is no Dataplane with name "nope" in mesh "default"\n'],
        ['delete foo x', 'Error: unknown TYPE: foo. Allowed values: dataplane, mesh, traffic-route\n'],
        ['get meshes -o xml', 'Error: unknown output format "xml": -o takes table, yaml, json\n'],
      ];
      for (const [line, text] of errors) {
        expect(quiet(await kumactl.sh(line)), line).toEqual({ code: 1, stdout: '', stderr: text });
      }
    }));

  test('delete what is there, and a mesh only when it is empty', () =>
    withBoth(async ({ kumactl }) => {
      await kumactl.sh('apply', { stdin: `${MESH}---\n${RATINGS}` });
      const refused = quiet(await kumactl.sh('delete mesh bookinfo'));
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(
        /^Error: .*\(Resource is not valid\)\n\* mesh: unable to delete mesh, there are still some dataplanes attached\n$/,
      );
      expect((await kumactl.sh('delete dataplane ratings-v1 --mesh bookinfo')).stdout).toBe(
        'deleted Dataplane "ratings-v1"\n',
      );
      expect((await kumactl.sh('delete mesh bookinfo')).stdout).toBe('deleted Mesh "bookinfo"\n');
    }));
});

describe('inspect dataplanes', () => {
  test('filters by tag, with the old names in the view of 0.1', () =>
    withBoth(async ({ kumactl }) => {
      const details = RATINGS.replaceAll('ratings', 'details').replaceAll('100', '101');
      await kumactl.sh('apply', { stdin: `${MESH}---\n${RATINGS}---\n${details}` });
      const names = async (line: string, env = {}) =>
        (await kumactl.sh(line, { env })).stdout
          .split('\n')
          .slice(1, -1)
          .map((row) => row.split(/ +/)[1]);
      expect(await names('inspect dataplanes -m bookinfo')).toEqual(['details-v1', 'ratings-v1']);
      expect(await names('inspect dataplanes -m bookinfo --tag kuma.io/service=details')).toEqual([
        'details-v1',
      ]);
      expect(await names('inspect dataplanes -m bookinfo --tag service=ratings,version=v1', OLD)).toEqual([
        'ratings-v1',
      ]);
      expect(await names('inspect dataplanes -m bookinfo --gateway')).toEqual([]);
    }));

  test('prints all of them as data', () =>
    withBoth(async ({ kumactl }) => {
      await kumactl.sh('apply', { stdin: `${MESH}---\n${RATINGS}` });
      const list = JSON.parse((await kumactl.sh('inspect dataplanes -m bookinfo -o json')).stdout);
      expect(list).toMatchObject({
        total: 1,
        items: [{ type: 'DataplaneOverview', name: 'ratings-v1' }],
        next: null,
      });
    }));
});
