import { Command, CommanderError, Option } from 'commander';
import { describeError } from '../lib/coded-error.ts';
import { createLogSink } from '../lib/log-sink.ts';
import { AgentError } from './agent-error.ts';
import { addControlCommands } from './commands/control.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addEnvoyCommand } from './commands/envoy.ts';
import { addLogsCommand } from './commands/logs.ts';
import { addRunCommand } from './commands/run.ts';
import { addStopCommand } from './commands/stop.ts';
import { addVersionCommand } from './commands/version.ts';
import { addWaitCommand } from './commands/wait.ts';
import { bindSwitches } from './config/switches.ts';
import { EXIT_CODES } from './exit-codes.ts';
import type { CommandContext, Program } from './program.ts';

/** Runs one command; resolves to the exit code once everything is written. */
export async function main(program: Program): Promise<number> {
  const out = createLogSink(program.stdout);
  const err = createLogSink(program.stderr);
  let code: number = EXIT_CODES.ok;
  const context: CommandContext = {
    ...program,
    print: (line) => out.write(`${line}\n`),
    warn: (line) => err.write(`${line}\n`),
    setExitCode: (given) => {
      code = given;
    },
  };
  const command = createCommand(context);
  try {
    await command.parseAsync([...bindSwitches(program.argv, command.commands)], { from: 'user' });
  } catch (error) {
    code = report(error, context);
  }
  await Promise.all([out.flush(2_000), err.flush(2_000)]);
  return code;
}

function createCommand(context: CommandContext): Command {
  const root = new Command('kuma-dp')
    .description(
      'Agent beside a service: fetches its Envoy configuration, starts Envoy and keeps it running.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => context.warn(text.trimEnd()),
    });
  // Kuma takes this one before the sub-command, too.
  root.addOption(new Option('--log-level <level>').hideHelp());
  // Each sub-command inherits the two settings above when it is made by `command`.
  addRunCommand(root, context);
  addWaitCommand(root, context);
  addControlCommands(root, context);
  addStopCommand(root, context);
  addLogsCommand(root, context);
  addDoctorCommand(root, context);
  addEnvoyCommand(root, context);
  addVersionCommand(root, context);
  return root;
}

function report(error: unknown, { warn }: CommandContext): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES['settings-invalid'];
  }
  if (error instanceof AgentError) {
    for (const line of describeError(error).split('\n')) warn(`kuma-dp: ${line}`);
    return EXIT_CODES[error.code];
  }
  warn(`kuma-dp: unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT_CODES.unexpected;
}
