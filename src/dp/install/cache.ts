import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** What `kuma-dp envoy install` takes without a version. */
export const DEFAULT_ENVOY_VERSION = '1.40.0';

/** `$KUMA_DP_CACHE/envoy`, else `kuma-dp/envoy` in the user's cache directory. */
export function envoyCacheDir(env: Env): string {
  const own = env.KUMA_DP_CACHE ?? '';
  if (own !== '') return join(resolve(own), 'envoy');
  const xdg = env.XDG_CACHE_HOME ?? '';
  return join(xdg.startsWith('/') ? xdg : join(homedir(), '.cache'), 'kuma-dp', 'envoy');
}

export function cachedEnvoy(env: Env, version: string): string {
  return join(envoyCacheDir(env), version, 'envoy');
}

/** Paths of all cached Envoys: the default version first, then the newest. */
export function listCached(env: Env): readonly string[] {
  const versions = listVersions(envoyCacheDir(env)).sort((a, b) =>
    b.localeCompare(a, 'en', { numeric: true }),
  );
  const preferred = versions.filter((v) => v === DEFAULT_ENVOY_VERSION);
  return [...preferred, ...versions.filter((v) => v !== DEFAULT_ENVOY_VERSION)].map((v) =>
    cachedEnvoy(env, v),
  );
}

function listVersions(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => /^\d+\.\d+\.\d+$/.test(name));
  } catch {
    return [];
  }
}
