import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createReader, isDataplaneFile, type Look } from '../../../../src/dp/crew/places.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'places-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const text = (name: string, more = '') => `type: Dataplane\nmesh: m\nname: ${name}\n${more}`;

/** With a time of change long ago: nobody writes to it any more. */
function put(name: string, content: string): void {
  writeFileSync(join(dir, name), content);
  utimesSync(join(dir, name), 1_000, 1_000 + content.length);
}

const reader = (places: readonly string[] = [dir], mesh?: string) =>
  createReader({ places, mesh, variables: new Map([['port', '80']]), now: Date.now });

const summary = ({ readings }: Look) =>
  readings.map(({ outcome }) => (outcome.kind === 'good' ? outcome.entry.name : outcome.problem));

describe('a look at a directory', () => {
  test('that is empty on another file system than before finds that it is away, not that all files are gone', async () => {
    const mounted = mkdtempSync('/dev/shm/places-');
    try {
      mkdirSync(join(dir, 'bare'));
      symlinkSync(mounted, join(dir, 'dps'));
      writeFileSync(join(mounted, 'a.yaml'), text('a'));
      const place = join(dir, 'dps');
      const { look } = reader([place]);
      expect(summary(await look())).toEqual(['a']);
      unlinkSync(place);
      symlinkSync('bare', place);
      for (let i = 0; i < 2; i++) expect([...(await look()).absent.keys()]).toEqual([place]);
      unlinkSync(place);
      symlinkSync(mounted, place);
      rmSync(join(mounted, 'a.yaml'));
      expect((await look()).absent.size).toBe(0);
      expect(summary(await look())).toEqual([]);
    } finally {
      rmSync(mounted, { recursive: true });
    }
  });

  test('finds YAML and JSON, and none of what editors and package managers leave there', async () => {
    put('b.yml', text('b'));
    put('a.yaml', text('a'));
    put('c.json', JSON.stringify({ type: 'Dataplane', mesh: 'm', name: 'c' }));
    const others = [
      '.a.yaml.swp',
      '.#a.yaml',
      '#a.yaml#',
      'a.yaml~',
      'a.yaml.bak',
      'a.yaml.dpkg-new',
      '.x.yaml',
    ];
    for (const name of [...others, '4913', 'README', 'a.token', '~a.yaml']) put(name, text('no'));
    mkdirSync(join(dir, 'sub.yaml'));
    expect(summary(await reader().look())).toEqual(['a', 'b', 'c']);
    expect(['a.YAML', 'x.yaml', 'x.yaml.tmp', '.x.yaml'].filter(isDataplaneFile)).toEqual([
      'a.YAML',
      'x.yaml',
    ]);
  });

  test('fills in variables, and says of each file what is wrong with it', async () => {
    put('a.yaml', text('a', 'port: {{ port }}\n'));
    put('b.yaml', '');
    put('c.yaml', text('c', 'x: {{ nobody }}\n'));
    put('d.yaml', `${text('d')}---\n${text('e')}`);
    put('e.yaml', 'type: [');
    const { readings } = await reader().look();
    expect(readings[0]?.outcome).toMatchObject({ entry: { json: expect.stringContaining('"port":80') } });
    expect(readings.slice(1).map(({ outcome }) => outcome)).toEqual([
      { kind: 'bad', problem: 'holds no Dataplane' },
      { kind: 'bad', problem: '{{ nobody }} has no value; give one with -v nobody=…' },
      { kind: 'bad', problem: expect.stringContaining('several documents') },
      { kind: 'bad', problem: expect.stringContaining('is not valid YAML') },
    ]);
    const other = reader([dir], 'other');
    expect(summary(await other.look())[0]).toBe('is of mesh "m", but --mesh is "other"');
  });

  test('leaves a file that is being written as it was until it is done', async () => {
    put('a.yaml', text('a'));
    const looks = reader();
    await looks.look();
    writeFileSync(join(dir, 'a.yaml'), 'type: Datap');
    const during = await looks.look();
    expect(during.unsettled).toBe(true);
    expect(summary(during)).toEqual(['a']);
    put('a.yaml', text('changed'));
    expect(summary(await looks.look())).toEqual(['changed']);
  });

  test('sees what a turned link leads to, as configuration management turns them', async () => {
    for (const version of ['one', 'two']) {
      mkdirSync(join(dir, `..${version}`));
      put(join(`..${version}`, 'a.yaml'), text(version));
    }
    symlinkSync('..one', join(dir, '..data'));
    symlinkSync('..data/a.yaml', join(dir, 'a.yaml'));
    const looks = reader();
    expect(summary(await looks.look())).toEqual(['one']);
    symlinkSync('..two', join(dir, '..next'));
    renameSync(join(dir, '..next'), join(dir, '..data'));
    expect(summary(await looks.look())).toEqual(['two']);
    unlinkSync(join(dir, '..data'));
    expect(summary(await looks.look())).toEqual([]);
  });

  test('tells a directory that is away from one that is empty', async () => {
    const below = join(dir, 'later');
    const looks = reader([below]);
    expect(await looks.look()).toMatchObject({ hasDirectory: false, readings: [] });
    expect((await looks.look()).absent).toEqual(new Map([[below, 'does not exist']]));
    mkdirSync(below);
    expect(await looks.look()).toMatchObject({ hasDirectory: true, absent: new Map() });
  });

  test('finds the token beside a file', async () => {
    put('a.yaml', text('a'));
    const looks = reader();
    expect((await looks.look()).readings[0]?.outcome).toMatchObject({ entry: { tokenFile: undefined } });
    put('a.token', 'xyz');
    const token = join(dir, 'a.token');
    expect((await looks.look()).readings[0]?.outcome).toMatchObject({ entry: { tokenFile: token } });
  });
});

test('a file that was named and is not there is said to be away, and taken up when it comes', async () => {
  const path = join(dir, 'a.yaml');
  const looks = reader([path]);
  expect((await looks.look()).absent).toEqual(new Map([[path, 'does not exist']]));
  put('a.yaml', text('a'));
  expect(summary(await looks.look())).toEqual(['a']);
});
