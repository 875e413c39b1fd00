import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../lib/package-root.ts';

export type TemplateName = 'sidecar' | 'overlays/admin-socket' | 'overlays/admin-port';

/** Text of a template that ships with the package. */
export function loadTemplate(name: TemplateName): string {
  return readFileSync(join(packageRoot(), 'bootstrap-templates', `${name}.yaml`), 'utf8');
}
