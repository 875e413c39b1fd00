import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.ts';

/** What was built, as `version --detailed` and the bootstrap request tell it. Unknown parts are the text `unknown`. */
export interface BuildInfo {
  readonly version: string;
  readonly gitCommit: string;
  readonly gitTag: string;
  /** RFC 3339: time of the commit for unchanged sources of a clone, which equal sources share; else of the build. */
  readonly buildDate: string;
}

/** Put in place of the name by the bundler; absent when run from source. */
declare const KUMA_BUILD_INFO: BuildInfo | undefined;

export const buildInfo: BuildInfo = Object.freeze(
  typeof KUMA_BUILD_INFO === 'undefined'
    ? { version: versionFromSource(), gitCommit: 'unknown', gitTag: 'unknown', buildDate: 'unknown' }
    : KUMA_BUILD_INFO,
);

function versionFromSource(): string {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
    return String((manifest as { version?: unknown }).version ?? 'unknown');
  } catch {
    return 'unknown';
  }
}
