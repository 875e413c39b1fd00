import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/package-root.ts';
import type { OverlayTemplates } from './overlay.ts';

/** Reads the overlays that are shipped with the package. */
export function readOverlayTemplates(): OverlayTemplates {
  const read = (name: string): string =>
    readFileSync(join(packageRoot(), 'bootstrap-templates', 'overlays', name), 'utf8');
  return {
    adminSocket: read('admin-socket.yaml'),
    adminPort: read('admin-port.yaml'),
    relay: read('relay.yaml'),
  };
}
