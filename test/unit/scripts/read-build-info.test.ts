import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBuildInfo } from '../../../scripts/lib/read-build-info.ts';

const COMMITTED = '2030-01-02T03:04:05+00:00';
const fixed = { env: {}, now: () => Date.parse('2031-01-01T00:00:00Z') };
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'build-info-'));
  writeFileSync(join(root, 'package.json'), '{"version": "1.2.3"}');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function git(...args: string[]): string {
  const who = {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  };
  const none = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  const env = {
    PATH: process.env.PATH,
    ...who,
    ...none,
    GIT_AUTHOR_DATE: COMMITTED,
    GIT_COMMITTER_DATE: COMMITTED,
  };
  return execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', env }).trim();
}

function clone(): string {
  git('init', '-q');
  git('add', 'package.json');
  git('commit', '-q', '-m', 'first');
  return git('rev-parse', 'HEAD');
}

test('a clone tells its commit, its date and no tag that it does not have', () => {
  const commit = clone();
  expect(readBuildInfo(root, fixed)).toEqual({
    version: '1.2.3',
    gitCommit: commit,
    gitTag: 'unknown',
    buildDate: '2030-01-02T03:04:05Z',
  });
  git('tag', 'v9');
  expect(readBuildInfo(root, fixed).gitTag).toBe('v9');
});

test('sources that were changed since the commit say so, with the time of the build and without its tag', () => {
  const commit = clone();
  git('tag', 'v9');
  writeFileSync(join(root, 'package.json'), '{"version": "1.2.4"}');
  expect(readBuildInfo(root, fixed)).toEqual({
    version: '1.2.4',
    gitCommit: `${commit}-dirty`,
    gitTag: 'unknown',
    buildDate: '2031-01-01T00:00:00Z',
  });
});

test('sources without a clone, be they unpacked inside another one, know no commit', () => {
  const unknown = {
    version: '1.2.3',
    gitCommit: 'unknown',
    gitTag: 'unknown',
    buildDate: '2031-01-01T00:00:00Z',
  };
  expect(readBuildInfo(root, fixed)).toEqual(unknown);
  clone();
  const inside = join(root, 'vendor');
  mkdirSync(inside);
  writeFileSync(join(inside, 'package.json'), '{"version": "1.2.3"}');
  expect(readBuildInfo(inside, fixed)).toEqual(unknown);
});

test('SOURCE_DATE_EPOCH is the date, whatever the clone says', () => {
  clone();
  expect(readBuildInfo(root, { ...fixed, env: { SOURCE_DATE_EPOCH: '0' } }).buildDate).toBe(
    '1970-01-01T00:00:00Z',
  );
});
