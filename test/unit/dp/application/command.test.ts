import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { locateApplication } from '../../../../src/dp/application/command.ts';

const dir = mkdtempSync(join(tmpdir(), 'dp-app-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
mkdirSync(join(dir, 'first'));
mkdirSync(join(dir, 'second'));
writeFileSync(join(dir, 'first', 'plain'), 'not a program');
for (const name of ['first/app', 'second/app', 'second/plain']) {
  writeFileSync(join(dir, name), '#!/bin/sh\n');
  chmodSync(join(dir, name), 0o755);
}
const env = { PATH: `${join(dir, 'first')}:${join(dir, 'second')}` };

test('a name is looked for on PATH, the first executable file wins', () => {
  expect(locateApplication(['app', '--port', '1'], env)).toBe(join(dir, 'first', 'app'));
  expect(locateApplication(['plain'], env)).toBe(join(dir, 'second', 'plain'));
});

test('a directory of PATH that cannot be looked into is passed over', () => {
  symlinkSync('loop', join(dir, 'loop'));
  expect(locateApplication(['app'], { PATH: `${join(dir, 'loop')}:${env.PATH}` })).toBe(
    join(dir, 'first', 'app'),
  );
});

test('a path is taken as it is', () => {
  expect(locateApplication([join(dir, 'second', 'app')], {})).toBe(join(dir, 'second', 'app'));
});

test('a program that does not exist is told with its name, before anything is started', () => {
  expect(() => locateApplication(['no-such-app'], env)).toThrow(
    expect.objectContaining({
      code: 'application-not-found',
      message: expect.stringContaining('"no-such-app" is not on PATH'),
    }),
  );
  expect(() => locateApplication([join(dir, 'nothing')], env)).toThrow(/is no file/);
});

test('a file that is not executable is told as that', () => {
  expect(() => locateApplication([join(dir, 'first', 'plain')], env)).toThrow(
    expect.objectContaining({ code: 'application-unusable' }),
  );
});
