import { join, resolve } from 'node:path';
import type { ControlPlaneValues } from './settings.ts';

export interface Surroundings {
  /** What `~` stands for. */
  readonly home: string;
  /** What relative paths start from. */
  readonly cwd: string;
}

/** Where each value came from, as `loadSettings` tells it; `default` for one nobody set. */
export type Origins = Readonly<Record<keyof ControlPlaneValues, string>>;

/** Fills in what depends on other settings, so that the effective configuration has nothing implicit left. */
export function resolveValues(
  values: ControlPlaneValues,
  origins: Origins,
  around: Surroundings,
): ControlPlaneValues {
  const path = (text: string): string => (text === '' ? '' : toAbsolute(text, around));
  const workDir = path(values.workDir === '' ? '~/.kuma' : values.workDir);
  const httpsInterface = values.httpsInterface || values.bindAddress;
  return {
    ...values,
    mode: 'zone',
    workDir,
    storePath: values.storePath === '' ? join(workDir, 'kuma.db') : path(values.storePath),
    tlsCertFile: path(values.tlsCertFile),
    tlsKeyFile: path(values.tlsKeyFile),
    httpInterface: values.httpInterface || values.bindAddress,
    httpsInterface,
    bootstrapInterface: values.bootstrapInterface || httpsInterface,
    dpServerInterface: values.dpServerInterface || values.bindAddress,
    diagnosticsInterface: values.diagnosticsInterface || values.bindAddress,
    httpsPort: origins.httpsPort === 'default' ? values.bootstrapPort : values.httpsPort,
    bootstrapPort: origins.bootstrapPort === 'default' ? values.httpsPort : values.bootstrapPort,
  };
}

function toAbsolute(path: string, { home, cwd }: Surroundings): string {
  if (path === '~' || path.startsWith('~/')) return join(home, path.slice(1));
  return resolve(cwd, path);
}
