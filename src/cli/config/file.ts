import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeError } from '../../lib/coded-error.ts';
import { CliError } from '../errors.ts';
import { toYaml } from '../output/format.ts';
import { defaultConfig, type KumactlConfig, parseConfig } from './config.ts';

export function defaultConfigPath(homeDir: string): string {
  return join(homeDir, '.kumactl', 'config');
}

/** Reads the file; one that does not exist is created with the local control plane in it. */
export async function loadConfigFile(path: string, warn: (line: string) => void): Promise<KumactlConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT'))
      throw new CliError('config', `cannot read configuration file ${path}: ${describeError(cause)}`, {
        cause,
      });
    // A home that cannot be written (a container, a CI job) must not keep anybody from reading meshes.
    await saveConfigFile(path, defaultConfig).catch((error: unknown) => warn(describeError(error)));
    return defaultConfig;
  }
  const { parse } = await import('yaml');
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new CliError(
      'config',
      `configuration file ${path} is not YAML: ${describeError(cause).split('\n', 1)[0]}`,
      { cause },
    );
  }
  return parseConfig(value, path);
}

/**
 * Replaces the file in one step, so that a reader or a crash never meets half of it. It may hold a token: 0600 in a
 * 0700 directory. A symbolic link stays a link.
 */
export async function saveConfigFile(path: string, config: KumactlConfig): Promise<void> {
  try {
    const target = await realpath(path).catch(() => path);
    await makeDirectory(dirname(target));
    const temporary = `${target}.${randomUUID()}.tmp`;
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(await toYaml(config));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (cause) {
    throw new CliError('config', `cannot write configuration file ${path}: ${describeError(cause)}`, {
      cause,
    });
  }
}

// Only the last directory: a home that is not there is not made. (And `recursive` hangs for ever below /proc.)
async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error;
  });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
