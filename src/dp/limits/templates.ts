import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/package-root.ts';
import type { OverloadTemplates } from './overload.ts';

/** Reads the overlays that are shipped with the package. */
export function readOverloadTemplates(): OverloadTemplates {
  const read = (name: string): string =>
    readFileSync(join(packageRoot(), 'bootstrap-templates', 'overlays', name), 'utf8');
  return { memory: read('memory.yaml'), connections: read('connections.yaml') };
}
