import type { Readable, Writable } from 'node:stream';
import type { SignalSource } from '../lib/stop-signals.ts';

/** Everything of the process that kuma-dp touches. */
export interface Program {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signals: SignalSource;
}

/** What a command needs of the program. */
export interface CommandContext extends Program {
  /** One line on standard output. */
  print(line: string): void;
  /** One line for people on standard error. */
  warn(line: string): void;
  /** The exit code of a command that ends without an error; 0 unless it says so. */
  setExitCode(code: number): void;
}
