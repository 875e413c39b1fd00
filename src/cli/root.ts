import { Command } from 'commander';
import type { CliContext } from './context.ts';
import { formatHelp } from './output/help.ts';
import { registerApply } from './registration/apply.ts';
import { registerConfig } from './registration/config.ts';
import { registerReads } from './registration/reads.ts';
import type { Root } from './registration/root.ts';
import type { GlobalOptions } from './session.ts';

/**
 * The tree of commands. It knows names and flags only; what a command does is loaded when it is called, so that
 * `kumactl version` does not wait for a YAML parser. Flags of the root are taken before and after the command, which
 * is how `kumactl --mesh M inspect dataplanes` and `kumactl inspect dataplanes --mesh M` both work.
 */
export function createProgram(context: CliContext): Command {
  const { stdout } = context;
  const program = new Command('kumactl')
    .description(
      'Management tool for the mesh: applies resources, shows them, and shows how the proxies are.',
    )
    .exitOverride()
    .configureHelp({ formatHelp, showGlobalOptions: true })
    // Errors are printed in one place, by `main`; help goes to stdout also when no command was given.
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stdout.write(text),
      outputError: () => {},
    })
    .helpOption('-h, --help', 'help for the command')
    .helpCommand('help [command]', 'Show the help of a command')
    .option('-m, --mesh <mesh>', 'mesh to use (default "default", or what the context says)')
    .option('--config-file <file>', 'configuration file (default ~/.kumactl/config)')
    .option('--context <name>', 'context of the configuration to use instead of the current one')
    .option('--no-config', 'use no configuration file: the control plane is http://localhost:5681')
    .option('--api-timeout <duration>', 'longest time a request to the control plane may take', '1m')
    .option('--log-level <level>', 'off, info, or debug, which shows each request', 'off')
    .option(
      '--compat <version>',
      'tables and names of Kuma 0.1 or 2.14 (default: KUMACTL_COMPAT, else 2.14)',
    );
  const root: Root = { program, context, globals: () => program.opts<GlobalOptions>() };
  registerApply(root);
  registerReads(root);
  registerConfig(root);
  return program;
}
