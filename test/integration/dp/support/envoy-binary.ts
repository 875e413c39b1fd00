import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cachedEnvoy, DEFAULT_ENVOY_VERSION } from '../../../../src/dp/install/cache.ts';

const ROOT = join(import.meta.dirname, '../../../..');

/** The Envoy that set-up put into the clone; undefined when there is none. */
export const realEnvoy: string | undefined = [
  cachedEnvoy({ KUMA_DP_CACHE: join(ROOT, '.cache') }, DEFAULT_ENVOY_VERSION),
].find((path) => existsSync(path));

if (realEnvoy === undefined) console.warn('SKIPPED: no Envoy in .cache/envoy; run ./scripts/setup');
