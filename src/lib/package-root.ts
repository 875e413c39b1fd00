import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The directory that holds the files shipped beside the code, such as `bootstrap-templates`: the clone when run from
 * source, `dist` when run from a bundle (the build copies them there, so that `dist` can be moved on its own).
 */
export function packageRoot(): string {
  root ??= findRoot(import.meta.dirname);
  return root;
}

let root: string | undefined;

function findRoot(start: string): string {
  for (let at = start; ; at = dirname(at)) {
    if (existsSync(join(at, 'bootstrap-templates'))) return at;
    if (at === dirname(at))
      throw new Error(`no directory bootstrap-templates in ${start} or above it; install the package again`);
  }
}
