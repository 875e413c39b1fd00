import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import type { GlobalOptions } from '../session.ts';

/** What the registration of a command needs. `globals` is to be called in the action, when all flags are read. */
export interface Root {
  readonly program: Command;
  readonly context: CliContext;
  readonly globals: () => GlobalOptions;
}
