import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followToken } from '../../../../src/dp/token/follow.ts';
import type { Token } from '../../../../src/dp/token/token.ts';
import { type Logger, silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

let dir: string;
let clock: FakeClock;
let lines: string[];
let changes: (string | undefined)[];
let token: Token;
let tell: () => void;
let wanted: string | undefined;

const note = (_: unknown, message: string) => void lines.push(message);
const logger: Logger = { ...silentLogger, info: note, warn: note, error: note };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'follow-token-'));
  clock = createFakeClock();
  lines = [];
  changes = [];
  wanted = undefined;
});

afterEach(() => {
  token.stop();
  rmSync(dir, { recursive: true, force: true });
});

function put(name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}

/** The token of a proxy that begins with a shared one, or with none. */
function begin(shared: string | undefined, obstacle?: string): void {
  token = followToken({
    source: shared === undefined ? undefined : { kind: 'file', path: put('shared', shared) },
    ...{ first: shared, bearer: { mesh: 'default', name: 'web' }, clock, logger, obstacle },
    onChange: () => changes.push(token.current),
    file: {
      get wanted() {
        return wanted;
      },
      listen(onChange) {
        tell = onChange;
        return () => {};
      },
    },
  });
}

function appears(name: string, text: string): string {
  wanted = put(name, text);
  tell();
  return wanted;
}

test.each([['shared.token'], [undefined]])(
  'a token file that appears beside a Dataplane takes the place of %s, and is watched from then on',
  (shared) => {
    begin(shared);
    expect(token.current).toBe(shared);
    appears('web.token', 'own.token');
    expect(changes).toEqual(['own.token']);
    expect(token.mayChange).toBe(true);
    put('web.token', 'next.token');
    clock.advance(3_000);
    expect(changes).toEqual(['own.token', 'next.token']);
    put('shared', 'other.token');
    clock.advance(3_000);
    expect(token.current).toBe('next.token');
  },
);

test('a token file that goes away leaves its token in use, and one of another name follows it', () => {
  begin('shared.token');
  const path = appears('web.token', 'own.token');
  rmSync(path);
  wanted = undefined;
  tell();
  clock.advance(3_000);
  expect(token.current).toBe('own.token');
  expect(lines.join('\n')).toContain('does not exist; the last one stays in use');
  appears('site.token', 'renamed.token');
  expect(changes).toEqual(['own.token', 'renamed.token']);
});

test('a token file that appears empty changes nothing until it is written', () => {
  begin('shared.token');
  const path = appears('web.token', '');
  expect(token.current).toBe('shared.token');
  expect(lines).toEqual([`no new token: ${path} is empty; the last one stays in use`]);
  put('web.token', 'own.token');
  clock.advance(3_000);
  expect(changes).toEqual(['own.token']);
});

test('a token file that appears is not used where it would leave the host in clear text, which is said once', () => {
  begin(undefined, 'is not sent to http://cp over plain HTTP; use https');
  const path = appears('web.token', 'own.token');
  tell();
  expect(token.current).toBeUndefined();
  expect(changes).toEqual([]);
  expect(lines).toEqual([
    `the new token is not used: ${path} is not sent to http://cp over plain HTTP; use https`,
  ]);
});
