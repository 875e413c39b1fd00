import {
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseToken, parseTokenSource, readToken } from '../../../../src/dp/token/source.ts';
import { type Token, watchToken } from '../../../../src/dp/token/token.ts';
import type { Logger } from '../../../../src/lib/logger.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

let dir: string;
let clock: FakeClock;
let lines: string[];
let changes: number;
const tokens: Token[] = [];

const logger: Logger = {
  debug() {},
  info: (facts, message) => void lines.push(`${JSON.stringify(facts)} ${message}`),
  warn: (facts, message) => void lines.push(`warn ${JSON.stringify(facts)} ${message}`),
  error: (facts, message) => void lines.push(`error ${JSON.stringify(facts)} ${message}`),
  child: () => logger,
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'token-'));
  clock = createFakeClock();
  lines = [];
  changes = 0;
});

afterEach(() => {
  for (const token of tokens.splice(0)) token.stop();
  rmSync(dir, { recursive: true, force: true });
});

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', kid: '1' })}.${part(claims)}.c2lnbmF0dXJl`;
}

const inSeconds = (seconds: number) => clock.now() / 1000 + seconds;

function watched(text: string | undefined): { path: string; token: Token } {
  const path = join(dir, 'token');
  if (text !== undefined) writeFileSync(path, text);
  const reading = readToken({ kind: 'file', path });
  const token = watchToken({
    source: { kind: 'file', path },
    first: reading.ok ? reading.token : undefined,
    bearer: { mesh: 'default', name: 'web' },
    clock,
    logger,
    onChange: () => changes++,
  });
  tokens.push(token);
  return { path, token };
}

describe('the text of a token', () => {
  test('space, newlines and a byte order mark around it are no part of it', () => {
    expect(parseToken('\uFEFF a.b.c \r\n\n')).toEqual({ ok: true, token: 'a.b.c' });
  });

  test.each([
    ['', 'empty'],
    [' \n', 'empty'],
    ['a.b.c\nd.e.f', 'one line'],
    ['a b', 'one line'],
    ['a\u0000b', 'characters'],
    ['tökén', 'characters'],
  ])('%j is refused', (text, problem) => {
    expect(parseToken(text)).toMatchObject({ ok: false, problem: expect.stringContaining(problem) });
  });

  test('a file without an end is not read to it', () => {
    writeFileSync(join(dir, 'big'), 'a'.repeat(20_000));
    expect(readToken({ kind: 'file', path: join(dir, 'big') })).toMatchObject({ ok: false });
    expect(readToken({ kind: 'file', path: '/dev/zero' })).toMatchObject({ ok: false });
  });

  test('a directory, and a file that is not there, are told as what they are', () => {
    expect(readToken({ kind: 'file', path: dir })).toMatchObject({ ok: false });
    expect(readToken({ kind: 'file', path: join(dir, 'none') })).toEqual({
      ok: false,
      problem: 'does not exist',
    });
  });
});

describe('where a token is', () => {
  test('a path, a descriptor, and a credential of systemd', () => {
    expect(parseTokenSource('/a/b', {})).toEqual({ kind: 'file', path: '/a/b' });
    expect(parseTokenSource('fd:3', {})).toEqual({ kind: 'descriptor', fd: 3 });
    for (const text of ['$CREDENTIALS_DIRECTORY/t', '$' + '{CREDENTIALS_DIRECTORY}/t'])
      expect(parseTokenSource(text, { CREDENTIALS_DIRECTORY: '/run/c' })).toEqual({
        kind: 'file',
        path: '/run/c/t',
      });
    expect(() => parseTokenSource('$CREDENTIALS_DIRECTORY/t', {})).toThrow(/LoadCredential/);
  });

  test('a descriptor that every child of the agent would have is refused', () => {
    expect(parseTokenSource('fd:15', {})).toEqual({ kind: 'descriptor', fd: 15 });
    for (const fd of ['fd:17', 'fd:20', 'fd:63'])
      expect(() => parseTokenSource(fd, {})).toThrow(/Envoy and all others it starts.*3<FILE/);
  });

  test('a descriptor of a file is read from its start each time', () => {
    writeFileSync(join(dir, 'token'), 'a.b.c\n');
    const fd = openSync(join(dir, 'token'), 'r');
    const source = { kind: 'descriptor', fd } as const;
    expect([readToken(source), readToken(source)]).toEqual([
      { ok: true, token: 'a.b.c' },
      { ok: true, token: 'a.b.c' },
    ]);
  });
});

describe('a token that is watched', () => {
  test('one that is renamed over the old one is in use after the next look', () => {
    const { path, token } = watched(jwt({ Name: 'web' }));
    const next = jwt({ Name: 'web', n: 2 });
    writeFileSync(`${path}.new`, `${next}\n`);
    renameSync(`${path}.new`, path);
    clock.advance(3_000);
    expect(token.current).toBe(next);
    expect(changes).toBe(1);
  });

  test('one behind a link that is turned, as secret mounts do, is found', () => {
    for (const version of ['one', 'two']) {
      mkdirSync(join(dir, version));
      writeFileSync(join(dir, version, 'token'), version);
    }
    symlinkSync('one', join(dir, 'data'));
    symlinkSync('data/token', join(dir, 'token'));
    const { token } = watched(undefined);
    expect(token.current).toBe('one');
    symlinkSync('two', join(dir, 'data.new'));
    renameSync(join(dir, 'data.new'), join(dir, 'data'));
    clock.advance(3_000);
    expect(token.current).toBe('two');
  });

  test('the same content written again is no change', () => {
    const { path } = watched('a.b.c');
    writeFileSync(path, 'a.b.c\n\n');
    clock.advance(10_000);
    expect(changes).toBe(0);
  });

  test('a file that is away or empty leaves the last token in use, and is told once', () => {
    const { path, token } = watched('a.b.c');
    unlinkSync(path);
    clock.advance(60_000);
    expect(token.current).toBe('a.b.c');
    expect(lines.filter((line) => line.includes('does not exist'))).toHaveLength(1);
    writeFileSync(path, '');
    clock.advance(60_000);
    expect(lines.filter((line) => line.includes('is empty'))).toHaveLength(1);
    writeFileSync(path, 'd.e.f');
    clock.advance(3_000);
    expect(token.current).toBe('d.e.f');
  });

  test.each([undefined, ''])(
    'a source that has none yet (%j) is told as that, and the first one is used',
    (text) => {
      const { path, token } = watched(text);
      expect(lines).toEqual([expect.stringMatching(/^warn .*no token: \S+ (does not exist|is empty)$/)]);
      writeFileSync(path, 'a.b.c');
      clock.advance(3_000);
      expect(token.current).toBe('a.b.c');
      expect(changes).toBe(1);
    },
  );

  test.each([-1e15, 1e15, 1e305])(
    'one whose end is at %d, which is no date, is watched as any other',
    (exp) => {
      const { token } = watched(jwt({ exp, Name: 'web' }));
      clock.advance(3_000);
      expect(token.current).toContain('.');
      token.refused('authentication failed');
    },
  );

  test('its end is told at a quarter and a tenth of its life, and when it is over', () => {
    watched(jwt({ iat: inSeconds(0), exp: inSeconds(1_000) }));
    clock.advance(749_000);
    expect(lines).toEqual([]);
    clock.advance(2_000);
    expect(lines).toEqual([expect.stringContaining('expires in 4m10s')]);
    clock.advance(150_000);
    expect(lines).toHaveLength(2);
    clock.advance(100_000);
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/^error .*has expired/);
    clock.advance(10_000_000);
    expect(lines).toHaveLength(3);
  });

  test('a new one ends the warnings of the old one', () => {
    const { path } = watched(jwt({ iat: inSeconds(0), exp: inSeconds(1_000) }));
    writeFileSync(path, jwt({ iat: inSeconds(0), exp: inSeconds(1_000_000) }));
    clock.advance(500_000);
    lines.length = 0;
    clock.advance(1_000_000);
    expect(lines).toEqual([]);
  });
});

describe('a token that is refused', () => {
  test.each([
    [{ exp: -60 }, 'it expired 1m0s ago'],
    [{ exp: 600, Name: 'other' }, 'it is for the proxy "other", this one is "web"'],
    [{ exp: 600, Mesh: 'other' }, 'it is for the mesh "other", this proxy is in "default"'],
    [{ exp: 600, nbf: 30 }, 'it is valid only in 30s'],
    [{ exp: 600, Name: 'web', Mesh: 'default' }, 'revoked'],
  ])('%j: what is wrong is said in one line', ({ exp, ...rest }, text) => {
    const nbf = 'nbf' in rest ? { nbf: inSeconds(rest.nbf) } : {};
    const { token } = watched(jwt({ ...rest, ...nbf, exp: inSeconds(exp) }));
    lines.length = 0;
    token.refused('authentication failed');
    expect(lines).toEqual([expect.stringContaining(text)]);
  });

  test('the file is read again at once, and nothing is said when it has another one', () => {
    const { path, token } = watched('a.b.c');
    writeFileSync(path, 'd.e.f');
    lines.length = 0;
    token.refused('authentication failed');
    expect(token.current).toBe('d.e.f');
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  test('a loop of refusals is told ever more rarely', () => {
    const { token } = watched('a.b.c');
    for (let second = 0; second < 3_600; second++) {
      token.refused('authentication failed');
      clock.advance(1_000);
    }
    const told = lines.filter((line) => line.startsWith('error')).length;
    expect(told).toBeGreaterThan(5);
    expect(told).toBeLessThan(15);
  });

  test('no line holds the token, not even where the control plane says it', () => {
    const text = jwt({ exp: inSeconds(-1), Name: 'x', secret: 's' });
    const { path, token } = watched(text);
    token.refused('authentication failed');
    writeFileSync(path, `${text} ${text}`);
    clock.advance(10_000);
    token.refused(`again: ${text} is not valid`);
    expect(lines.length).toBeGreaterThan(2);
    for (const part of [text, ...text.split('.')]) expect(lines.join('\n')).not.toContain(part);
  });
});
