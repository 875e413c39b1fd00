import type { Command, Help } from 'commander';

/** `--help` in the form people know from Kuma: usage, commands, flags, global flags. */
export function formatHelp(command: Command, helper: Help): string {
  const commands = helper
    .visibleCommands(command)
    .map((c): Entry => [c.name(), helper.subcommandDescription(c)]);
  const flags = helper
    .visibleOptions(command)
    .map((o): Entry => [helper.optionTerm(o), helper.optionDescription(o)]);
  const globals = helper
    .visibleGlobalOptions(command)
    .map((o): Entry => [helper.optionTerm(o), helper.optionDescription(o)]);
  const path = commandPath(command);
  const usage = commands.length > 0 ? `${path} [command]` : helper.commandUsage(command);
  const parts = [
    command.description(),
    section('Usage', [`  ${usage}`]),
    section('Available Commands', toLines(commands)),
    section('Flags', toLines(flags)),
    section('Global Flags', toLines(globals)),
    commands.length > 0 ? `Use "${path} [command] --help" for more information about a command.` : '',
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** `kumactl config control-planes` */
function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}

type Entry = readonly [term: string, description: string];

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`${title}:`, ...lines].join('\n');
}

function toLines(entries: readonly Entry[]): string[] {
  const width = entries.reduce((max, [term]) => Math.max(max, term.length), 0);
  return entries.map(([term, description]) => `  ${term.padEnd(width)}   ${description}`.trimEnd());
}
