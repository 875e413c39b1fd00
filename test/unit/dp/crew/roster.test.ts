import { describe, expect, test } from 'vitest';
import { type Entry, type Reading, type Roster, toRoster } from '../../../../src/dp/crew/roster.ts';

const entry = (path: string, name: string, json = name): Entry => ({
  ...{ path, name, json },
  mesh: 'm',
  tokenFile: undefined,
});
const good = (path: string, name: string, json = name): Reading => ({
  path,
  outcome: { kind: 'good', entry: entry(path, name, json) },
});
const bad = (path: string): Reading => ({ path, outcome: { kind: 'bad', problem: 'is empty' } });
const NOBODY: Roster = new Map();
const after = (before: Roster, readings: readonly Reading[], absent: readonly string[] = []) =>
  toRoster(before, readings, new Set(absent));
const paths = (roster: Roster) => [...roster].map(([id, { path }]) => `${id} ${path}`);

describe('who is to run', () => {
  test('is each proxy that a file names', () => {
    const { roster, problems } = after(NOBODY, [good('d/a.yaml', 'a'), good('d/b.yaml', 'b')]);
    expect(paths(roster)).toEqual(['m.a d/a.yaml', 'm.b d/b.yaml']);
    expect(problems).toEqual([]);
  });

  test('is the same proxy when its file has another name', () => {
    const { roster } = after(after(NOBODY, [good('d/a.yaml', 'a')]).roster, [good('d/z.yaml', 'a')]);
    expect(paths(roster)).toEqual(['m.a d/z.yaml']);
  });

  test('is another one when a file names another', () => {
    const { roster } = after(after(NOBODY, [good('d/a.yaml', 'a')]).roster, [good('d/a.yaml', 'b')]);
    expect(paths(roster)).toEqual(['m.b d/a.yaml']);
  });

  test('stays as it was for a file that cannot be used any more', () => {
    const before = after(NOBODY, [good('d/a.yaml', 'a', 'one')]).roster;
    const { roster, problems } = after(before, [bad('d/a.yaml')]);
    expect(roster.get('m.a')?.json).toBe('one');
    expect(problems).toEqual([{ path: 'd/a.yaml', problem: 'is empty', keeps: 'm.a' }]);
  });

  test('does not hold on to a broken file whose proxy another file has taken over', () => {
    const before = after(NOBODY, [good('d/a.yaml', 'a')]).roster;
    const { roster, problems } = after(before, [bad('d/a.yaml'), good('d/b.yaml', 'a')]);
    expect(paths(roster)).toEqual(['m.a d/b.yaml']);
    expect(problems).toEqual([{ path: 'd/a.yaml', problem: 'is empty', keeps: undefined }]);
  });

  test('is, of two files with the same proxy, that of the one that had it, whatever their order', () => {
    const before = after(NOBODY, [good('d/b.yaml', 'a', 'mine')]).roster;
    const { roster, problems } = after(before, [
      good('d/a.yaml', 'a', 'theirs'),
      good('d/b.yaml', 'a', 'new'),
    ]);
    expect(roster.get('m.a')).toMatchObject({ path: 'd/b.yaml', json: 'new' });
    expect(problems).toEqual([
      {
        path: 'd/a.yaml',
        problem: 'names the proxy m.a, which d/b.yaml names already; give it another name or remove it',
        keeps: undefined,
      },
    ]);
  });

  test('stays while its file or directory cannot be looked at, and goes with a file that is gone', () => {
    const before = after(NOBODY, [good('d/a.yaml', 'a'), good('b.yaml', 'b'), good('e/c.yaml', 'c')]).roster;
    expect(paths(after(before, [], ['d', 'b.yaml']).roster)).toEqual(['m.a d/a.yaml', 'm.b b.yaml']);
    expect(paths(after(before, []).roster)).toEqual([]);
  });
});
