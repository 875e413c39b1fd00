import { collect } from './collect.ts';
import type { Root } from './root.ts';

const OUTPUT = ['-o, --output <format>', 'table, yaml or json', 'table'] as const;

interface GetFlags {
  readonly output: string;
  readonly size?: string;
  readonly offset?: string;
}

interface InspectFlags {
  readonly output: string;
  readonly tag?: readonly string[];
  readonly gateway?: boolean;
}

/** `get`, `inspect` and `version`: the commands that only look. */
export function registerReads({ program, context, globals }: Root): void {
  program
    .command('get')
    .description('Show resources')
    .argument('<type>', 'meshes, dataplanes, … for all; mesh, dataplane, … with a name for one')
    .argument('[name]')
    .option(...OUTPUT)
    .option('--size <count>', 'number of resources to show (default 100)')
    .option('--offset <offset>', 'number of resources to leave out first')
    .action(async (type: string, name: string | undefined, { output, ...paging }: GetFlags) => {
      const { runGet } = await import('../commands/get.ts');
      const { parseOutputFormat } = await import('../output/format.ts');
      const { loadSettings, withControlPlane } = await import('../session.ts');
      const options = { ...paging, output: parseOutputFormat(output) };
      await withControlPlane(context, await loadSettings(context, globals()), (session) =>
        runGet(session, { word: type, name }, options),
      );
    });

  program
    .command('inspect')
    .description('Show how things are')
    .command('dataplanes')
    .description('Show the data plane proxies of a mesh with the state of their connection')
    .option(...OUTPUT)
    .option('--tag <key=value>', 'only proxies with this tag', collect)
    .option('--gateway', 'only gateways')
    .action(async ({ output, tag: tags = [], gateway }: InspectFlags) => {
      const { runInspectDataplanes } = await import('../commands/inspect-dataplanes.ts');
      const { parseOutputFormat } = await import('../output/format.ts');
      const { loadSettings, withControlPlane } = await import('../session.ts');
      const options = { output: parseOutputFormat(output), tags, gateway: gateway === true };
      await withControlPlane(context, await loadSettings(context, globals()), (session) =>
        runInspectDataplanes(session, options),
      );
    });

  program
    .command('version')
    .description('Show the version of kumactl and of the control plane')
    .option('-a, --detailed', 'show how kumactl was built')
    .action(async ({ detailed }: { readonly detailed?: boolean }) => {
      const { runVersion } = await import('../commands/version.ts');
      await runVersion(context, globals(), detailed === true);
    });
}
