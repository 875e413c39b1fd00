import type { AddOptions } from '../commands/config/control-planes.ts';
import { collect } from './collect.ts';
import type { Root } from './root.ts';

const NAME = ['--name <name>', 'name of the control plane'] as const;

/** `config view` and `config control-planes …`. */
export function registerConfig(root: Root): void {
  const { program, context, globals } = root;
  const config = program.command('config').description('Manage the configuration of kumactl');
  config
    .command('view')
    .description('Show the configuration')
    .option('--raw', 'show tokens too')
    .action(async ({ raw }: { readonly raw?: boolean }) => {
      const { viewConfig } = await import('../commands/config/view.ts');
      const { readConfig } = await import('../session.ts');
      await viewConfig(context.stdout, await readConfig(context, globals()), raw === true);
    });
  const group = config.command('control-planes').description('Manage the control planes known to kumactl');
  registerAdd(root, group);
  group
    .command('list')
    .description('List control planes')
    .action(async () => {
      const { listControlPlanes } = await import('../commands/config/control-planes.ts');
      const { readConfig } = await import('../session.ts');
      listControlPlanes(context, await readConfig(context, globals()));
    });
  group
    .command('remove')
    .description('Remove a control plane')
    .requiredOption(...NAME)
    .action(async ({ name }: { readonly name: string }) => {
      const { removeFromConfig } = await import('../commands/config/control-planes.ts');
      await removeFromConfig(context, globals(), name);
    });
  group
    .command('switch')
    .description('Make a control plane the active one')
    .requiredOption(...NAME)
    .action(async ({ name }: { readonly name: string }) => {
      const { switchInConfig } = await import('../commands/config/control-planes.ts');
      await switchInConfig(context, globals(), name);
    });
}

function registerAdd({ context, globals }: Root, group: Root['program']): void {
  group
    .command('add')
    .description('Add a control plane and make it the active one')
    .requiredOption(...NAME)
    .requiredOption('--address <url>', 'its REST API: http://HOST:5681 or https://HOST:5682')
    .option('--overwrite', 'replace one of the same name')
    .option('--ca-cert-file <file>', 'CA that signed its certificate, PEM')
    .option('--client-cert-file <file>', 'certificate to show to it, PEM')
    .option('--client-key-file <file>', 'key of that certificate, PEM')
    .option('--skip-verify', 'accept any certificate: INSECURE')
    .option('--headers <key=value>', 'header to send with every request', collect)
    .option('--auth-type <type>', 'tokens')
    .option('--auth-conf <key=value>', 'token=TOKEN', collect)
    .option('--skip-check', 'add it without asking whether it is there')
    .action(async (options: AddOptions) => {
      const { addToConfig } = await import('../commands/config/control-planes.ts');
      await addToConfig(context, globals(), options);
    });
}
