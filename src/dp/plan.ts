import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { identifyFile } from '../lib/file-identity.ts';
import { type JsonObject, stableStringify } from '../lib/json.ts';
import type { AgentConfig } from './config/agent-config.ts';
import { chooseLauncher, type Launcher } from './envoy/launcher.ts';
import { locateEnvoy } from './envoy/locate.ts';
import { type EnvoyVersion, readEnvoyVersion } from './envoy/version.ts';
import { type RememberedFile, recallVersion } from './envoy/version-memory.ts';
import { envoyCacheDir, listCached } from './install/cache.ts';
import type { KeptEnvoy } from './run-dir/kept.ts';

/** What one Envoy is started with. A plan never changes; the next one is another object only if something differs. */
export interface EnvoyPlan {
  readonly binary: EnvoyBinary;
  /** The bootstrap as the control plane sent it. */
  readonly received: JsonObject;
}

export interface EnvoyBinary {
  readonly path: string;
  /** Device, inode, size and time of change of the file behind the path. */
  readonly identity: string;
  readonly version: EnvoyVersion;
  readonly launcher: Launcher;
  /**
   * What to run. The agent keeps the file open: when another took its path meanwhile, this is the descriptor, so that
   * a crash or a roll-back starts the very Envoy that ran before.
   */
  executable(): string;
  /** Lets go of the file. */
  close(): void;
}

export interface PlanParts {
  readonly config: AgentConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Finds the Envoy and asks what it is. Throws AgentError. Gives one of those `known` back when that is the one: each that
 * is new costs an open file, and one that is refused is looked at again and again.
 */
export async function planBinary(
  { config, env }: PlanParts,
  signal: AbortSignal,
  known: Iterable<EnvoyBinary> = [],
): Promise<EnvoyBinary> {
  const path = locateBinary({ config, env });
  const identity = identifyFile(path);
  for (const binary of known) if (binary.path === path && binary.identity === identity) return binary;
  const fd = openSync(path, 'r');
  try {
    const [version, launcher] = await Promise.all([
      recallVersion(rememberedFile(path, env), () => readEnvoyVersion(path, signal)),
      config.envoy.keep ? ({ kind: 'double-fork' } as const) : chooseLauncher(path, env, signal),
    ]);
    return {
      path,
      identity,
      version,
      launcher,
      executable: () => (identifyFile(path) === identity ? path : `/proc/${process.pid}/fd/${fd}`),
      close: () => closeSync(fd),
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The binary of an Envoy that runs already: the one that was found, unless another took its place meanwhile. */
export function adoptBinary({ pid, binary }: KeptEnvoy, found: EnvoyBinary): EnvoyBinary {
  if (binary.identity === found.identity) return found;
  // Held open: the process may end, and a crash or a roll-back starts the very Envoy that ran before.
  const fd = openQuietly(`/proc/${pid}/exe`);
  const again = fd === undefined ? binary.path : `/proc/${process.pid}/fd/${fd}`;
  return {
    ...binary,
    launcher: found.launcher,
    executable: () => (identifyFile(binary.path) === binary.identity ? binary.path : again),
    close: () => {
      if (fd !== undefined) closeSync(fd);
    },
  };
}

function openQuietly(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

/** Rights count here too: a file that was answered for and may no longer be run is asked again, and says so. */
function rememberedFile(path: string, env: PlanParts['env']): RememberedFile {
  const changed = statSync(path, { bigint: true }).ctimeNs;
  return {
    memory: join(envoyCacheDir(env), '..', 'versions.json'),
    identity: `${identifyFile(path)}:${changed}`,
  };
}

export function locateBinary({ config, env }: PlanParts): string {
  const cache = { dir: envoyCacheDir(env), list: () => listCached(env) };
  return locateEnvoy(config.envoy.binaryPath, env, cache);
}

/** The same plan when neither part differs. */
export function revisePlan(before: EnvoyPlan, binary: EnvoyBinary, received: JsonObject): EnvoyPlan {
  const same = binary === before.binary && stableStringify(received) === stableStringify(before.received);
  return same ? before : { binary, received };
}

/** What differs, for people. */
export function describeChange(before: EnvoyPlan, after: EnvoyPlan): string {
  const binary =
    before.binary === after.binary
      ? []
      : [`Envoy ${describeVersion(before.binary)} → ${describeVersion(after.binary)}`];
  const bootstrap = after.received === before.received ? [] : ['bootstrap'];
  return [...binary, ...bootstrap].join(', ') || 'nothing';
}

function describeVersion({ version, path }: EnvoyBinary): string {
  return version.version || version.build || path;
}
