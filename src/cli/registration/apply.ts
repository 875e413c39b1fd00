import { collect } from './collect.ts';
import type { Root } from './root.ts';

interface ApplyFlags {
  readonly filename?: readonly string[];
  readonly var?: readonly string[];
  readonly dryRun?: boolean;
}

/** `apply` and `delete`: the commands that write. */
export function registerApply({ program, context, globals }: Root): void {
  program
    .command('apply')
    .description('Create or modify resources')
    .option(
      '-f, --filename <file>',
      'file, directory, URL or - for stdin (default: stdin, if something is piped into it)',
      collect,
    )
    .option('-v, --var <name=value>', 'value for {{ name }} in the documents', collect)
    .option('--dry-run', 'print what would be stored, and store nothing')
    .action(async ({ filename: files = [], var: variables = [], dryRun }: ApplyFlags) => {
      const { readResources, printDryRun, applyResources } = await import('../commands/apply.ts');
      const { loadSettings, withControlPlane } = await import('../session.ts');
      const settings = await loadSettings(context, globals());
      const resources = await readResources(context, { ...settings, files, variables });
      if (dryRun === true) return await printDryRun(context, resources);
      await withControlPlane(context, settings, (session) => applyResources(session, resources));
    });

  program
    .command('delete')
    .description('Delete a resource')
    .argument('<type>', 'such as mesh or dataplane')
    .argument('<name>')
    .action(async (type: string, name: string) => {
      const { runDelete } = await import('../commands/delete.ts');
      const { loadSettings, withControlPlane } = await import('../session.ts');
      await withControlPlane(context, await loadSettings(context, globals()), (session) =>
        runDelete(session, type, name),
      );
    });
}
