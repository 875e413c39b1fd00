import { describe, expect, test } from 'vitest';
import { declareSettings, setting } from '../../../src/settings/declare.ts';
import { loadSettings, type SettingSources } from '../../../src/settings/load.ts';
import { boolean, duration, list, port, text } from '../../../src/settings/values.ts';

const settings = declareSettings({
  port: setting({
    key: 'server.port',
    olderKeys: ['port', 'old.server.port'],
    env: ['APP_SERVER_PORT', 'APP_PORT'],
    flag: '--port',
    placeholder: 'port',
    doc: 'Port.',
    value: port(80),
  }),
  names: setting({
    key: 'names',
    env: ['APP_NAMES'],
    flag: '--name',
    placeholder: 'name',
    doc: '',
    list: true,
    value: list([]),
  }),
  wait: setting({
    key: 'wait',
    env: ['APP_WAIT'],
    placeholder: 'duration',
    doc: 'Wait.',
    value: duration(1000),
  }),
  title: setting({
    key: 'title',
    env: ['APP_TITLE'],
    placeholder: 'text',
    doc: 'Title.',
    value: text('none'),
  }),
  open: setting({ key: 'open', placeholder: '', doc: 'Open.', value: boolean(false) }),
});

const load = (sources: Partial<SettingSources> = {}) =>
  loadSettings(settings, { flags: {}, env: {}, ...sources });
const file = (content: unknown) => ({ path: 'app.conf', content });

describe('precedence', () => {
  test('without any source every value is the default and says so', () => {
    const { values, origins, violations } = load();
    expect(values).toEqual({ port: 80, names: [], wait: 1000, title: 'none', open: false });
    expect(new Set(Object.values(origins))).toEqual(new Set(['default']));
    expect(violations).toEqual([]);
  });

  test('a flag beats a variable, a variable beats the file, the file beats the default', () => {
    const all = { flags: { port: '1' }, env: { APP_SERVER_PORT: '2' }, file: file({ server: { port: 3 } }) };
    const seen = [all, { ...all, flags: {} }, { file: all.file }, {}].map((sources) => {
      const { values, origins } = load(sources);
      return [values.port, origins.port];
    });
    expect(seen).toEqual([
      [1, '--port'],
      [2, 'APP_SERVER_PORT'],
      [3, 'app.conf: server.port'],
      [80, 'default'],
    ]);
  });

  test("today's key beats older ones, and each is named as it was written", () => {
    const older = { old: { server: { port: 3 } }, port: 2 };
    const { values, origins } = load({ file: file({ server: { port: 1 }, ...older }) });
    expect([values.port, origins.port]).toEqual([1, 'app.conf: server.port']);
    expect(load({ file: file(older) }).origins.port).toBe('app.conf: port');
    expect(load({ file: file({ old: older.old }) }).origins.port).toBe('app.conf: old.server.port');
  });

  test('an invalid value of an overruled source does no harm', () => {
    const { values, violations } = load({
      flags: { port: '1' },
      env: { APP_SERVER_PORT: 'x' },
      file: file({ server: { port: -1 } }),
    });
    expect([values.port, violations]).toEqual([1, []]);
  });
});

describe('empty values', () => {
  test('an empty variable counts as not set', () => {
    const { values, origins } = load({
      env: { APP_SERVER_PORT: '', APP_TITLE: '' },
      file: file({ server: { port: 3 } }),
    });
    expect([values.port, origins.port]).toEqual([3, 'app.conf: server.port']);
    expect([values.title, origins.title]).toEqual(['none', 'default']);
  });

  test('an empty first variable lets the second one speak', () => {
    const { values, origins, violations } = load({ env: { APP_SERVER_PORT: '', APP_PORT: '5' } });
    expect([values.port, origins.port, violations]).toEqual([5, 'APP_PORT', []]);
  });

  test('a key without value in the file counts as not set', () => {
    expect(load({ file: file({ server: { port: null }, port: 7 }) }).values.port).toBe(7);
  });

  test('an empty text in the file is a value', () => {
    expect(load({ file: file({ title: '' }) }).values.title).toBe('');
  });

  test('an empty file, or one that is no mapping, sets nothing', () => {
    for (const content of [null, undefined, {}, [], 'text', 5])
      expect(load({ file: file(content) }).origins.port).toBe('default');
  });
});

describe('variables for the same thing', () => {
  test('that differ are an error that names both', () => {
    const { violations } = load({ env: { APP_SERVER_PORT: '1', APP_PORT: '2' } });
    expect(violations).toEqual([
      { field: 'APP_SERVER_PORT and APP_PORT', message: 'are set to different values; set one of them' },
    ]);
  });

  test('that agree are fine, and the first is named', () => {
    const { values, origins, violations } = load({ env: { APP_PORT: '1', APP_SERVER_PORT: '1' } });
    expect([values.port, origins.port, violations]).toEqual([1, 'APP_SERVER_PORT', []]);
  });

  test('that differ do not matter under a flag', () => {
    expect(load({ flags: { port: '3' }, env: { APP_SERVER_PORT: '1', APP_PORT: '2' } }).violations).toEqual(
      [],
    );
  });
});

describe('wrong values', () => {
  test('are all reported, each with its place, in one go', () => {
    const { violations } = load({
      flags: { port: '70000' },
      env: { APP_WAIT: 'soon' },
      file: file({ open: 'maybe' }),
    });
    expect(violations).toEqual([
      { field: '--port', message: 'must be a port between 1 and 65535, got "70000"' },
      { field: 'APP_WAIT', message: 'must be a duration such as 500ms, 30s or 5m, got "soon"' },
      { field: 'app.conf: open', message: 'must be true or false, got "maybe"' },
    ]);
  });

  test('of a wrong kind in the file are shown as they are', () => {
    const { violations } = load({ file: file({ server: { port: { number: 1 } } }) });
    expect(violations[0]?.message).toContain('got "{"number":1}"');
  });
});

describe('lists', () => {
  test('come from repeated flags, commas or a list in the file', () => {
    expect(load({ flags: { names: ['a', 'b'] } }).values.names).toEqual(['a', 'b']);
    expect(load({ env: { APP_NAMES: ' a, b ,,' } }).values.names).toEqual(['a', 'b']);
    expect(load({ file: file({ names: ['a', 'b'] }) }).values.names).toEqual(['a', 'b']);
  });
});

test('loaded values can not be changed', () => {
  expect(Object.isFrozen(load().values)).toBe(true);
});
