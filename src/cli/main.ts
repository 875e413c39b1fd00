import { type Command, CommanderError } from 'commander';
import { describeError } from '../lib/coded-error.ts';
import type { CliContext } from './context.ts';
import { CliError } from './errors.ts';
import { createProgram } from './root.ts';

/**
 * Runs one command line (without program and script) and returns the exit code: 0, or 1 with `Error: …` on stderr.
 * Never throws.
 */
export async function main(args: readonly string[], context: CliContext): Promise<number> {
  const program = createProgram(context);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return reportUsage(error, context, program);
    const details = error instanceof CliError ? error.details : [];
    const text = error instanceof CliError ? error.message : describeError(error);
    context.stderr.write([`Error: ${text}`, ...details].map((line) => `${line}\n`).join(''));
    return 1;
  }
}

/** Help is no error, also when it is shown because the command is missing. */
function reportUsage(error: CommanderError, { stderr }: CliContext, program: Command): number {
  if (error.exitCode === 0 || error.code === 'commander.help') return 0;
  const text = error.message.replace(/^error: /, '').replace(/'([^'\n]*)'/g, '"$1"');
  stderr.write(`Error: ${text}\nRun "${program.name()} --help" for usage.\n`);
  return 1;
}
