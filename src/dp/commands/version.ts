import type { Command } from 'commander';
import { buildInfo } from '../../lib/build-info.ts';
import { describeError } from '../../lib/coded-error.ts';
import { locateEnvoy } from '../envoy/locate.ts';
import { readEnvoyVersion } from '../envoy/version.ts';
import { envoyCacheDir, listCached } from '../install/cache.ts';
import type { CommandContext } from '../program.ts';

/** `kuma-dp version [--detailed]`. */
export function addVersionCommand(root: Command, { env, print }: CommandContext): void {
  const command = root.command('version').description('Print the version.');
  command.option('--detailed', 'Also print what it was built from and the Envoy it would run.');
  command.action(async () => {
    if (command.opts<{ detailed?: boolean }>().detailed !== true)
      return print(`kuma-dp ${buildInfo.version}`);
    print(`Version:    ${buildInfo.version}`);
    print(`Git Tag:    ${buildInfo.gitTag}`);
    print(`Git Commit: ${buildInfo.gitCommit}`);
    print(`Build Date: ${buildInfo.buildDate}`);
    print(`Node:       ${process.versions.node}`);
    print(`Envoy:      ${await describeEnvoy(env)}`);
  });
}

async function describeEnvoy(env: CommandContext['env']): Promise<string> {
  try {
    const path = locateEnvoy('', env, { dir: envoyCacheDir(env), list: () => listCached(env) });
    const { version, build } = await readEnvoyVersion(path, AbortSignal.timeout(20_000));
    return `${version || build} (${path})`;
  } catch (error) {
    return `none (${describeError(error)})`;
  }
}
