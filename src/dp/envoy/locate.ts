import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { AgentError } from '../agent-error.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The agent's own cache of Envoys, best one first. */
export interface EnvoyCache {
  readonly dir: string;
  list(): readonly string[];
}

/** Finds the Envoy to run: the given path or name, then `envoy` on PATH, then the agent's own cache. */
export function locateEnvoy(binaryPath: string, env: Env, cache: EnvoyCache): string {
  // Kuma's default value, spelled out, is the same search as none.
  if (binaryPath !== '' && binaryPath !== 'envoy') return locateGiven(binaryPath, env);
  const found = findOnPath('envoy', env) ?? cache.list().find(isExecutable);
  if (found !== undefined) return found;
  throw new AgentError(
    'envoy-not-found',
    `no Envoy found: none is on PATH and none in ${cache.dir}; run "kuma-dp envoy install", or give one with --binary-path`,
  );
}

/** First executable file of that name in the directories of PATH. */
export function findOnPath(name: string, env: Env): string | undefined {
  return (env.PATH ?? '')
    .split(delimiter)
    .filter((dir) => isAbsolute(dir))
    .map((dir) => join(dir, name))
    .find(isExecutable);
}

function locateGiven(binaryPath: string, env: Env): string {
  const path = binaryPath.includes('/') ? resolve(binaryPath) : findOnPath(binaryPath, env);
  if (path !== undefined && isExecutable(path)) return path;
  const problem = path === undefined ? 'is not on PATH' : 'is no executable file';
  throw new AgentError('envoy-not-found', `--binary-path ${binaryPath} ${problem}`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
