import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildInfo } from '../../src/lib/build-info.ts';

/** Version from package.json; commit, tag and date from git where the sources are a clone that git can read. */
export function readBuildInfo(root: string): BuildInfo {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    version,
    gitCommit: git(root, ['rev-parse', 'HEAD']) ?? 'unknown',
    gitTag: git(root, ['describe', '--tags', '--exact-match']) ?? `v${version}`,
    buildDate: git(root, ['show', '-s', '--format=%cI', 'HEAD']) ?? 'unknown',
  };
}

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
