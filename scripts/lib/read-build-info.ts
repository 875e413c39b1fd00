import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildInfo } from '../../src/lib/build-info.ts';

const UNKNOWN = 'unknown';

/**
 * What is built here: version from package.json, commit and tag from git if `root` is a clone itself. Nothing is
 * guessed: a commit without a tag has none, and sources that were changed since are told by `-dirty`. The date is
 * SOURCE_DATE_EPOCH, else the time of a commit that was not changed, so that equal sources give equal programs, else now.
 */
export function readBuildInfo(root: string, { env = process.env, now = () => Date.now() } = {}): BuildInfo {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const source = readSource(root);
  const epoch = Number(env.SOURCE_DATE_EPOCH || Number.NaN);
  const date = Number.isFinite(epoch) ? toRfc3339(epoch * 1000) : (source?.date ?? toRfc3339(now()));
  return { version, gitCommit: source?.commit ?? UNKNOWN, gitTag: source?.tag ?? UNKNOWN, buildDate: date };
}

interface Source {
  readonly commit: string;
  readonly tag: string | undefined;
  /** Of the commit; undefined when the files are not those of it. */
  readonly date: string | undefined;
}

function readSource(root: string): Source | undefined {
  // Unpacked inside somebody else's clone, it is not that clone's commit that is built.
  const top = git(root, ['rev-parse', '--show-toplevel']);
  const commit = git(root, ['rev-parse', 'HEAD']);
  if (top === undefined || commit === undefined || realpathSync(top) !== realpathSync(root)) return undefined;
  const dirty = git(root, ['status', '--porcelain', '--untracked-files=no']) !== undefined;
  if (dirty) return { commit: `${commit}-dirty`, tag: undefined, date: undefined };
  return {
    commit,
    tag: git(root, ['describe', '--tags', '--exact-match']),
    date: toRfc3339(1000 * Number(git(root, ['show', '-s', '--format=%ct', 'HEAD']))),
  };
}

function toRfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** What git prints; undefined when that is nothing, or when there is no git or no clone. */
function git(root: string, args: readonly string[]): string | undefined {
  try {
    const text = execFileSync('git', ['-C', root, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.trim() || undefined;
  } catch {
    return undefined;
  }
}
