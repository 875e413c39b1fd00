import { clonePath, startProgram, waitUntil } from './processes.ts';

/** A command on a pseudo terminal with a person in front of it. */
export interface Terminal {
  /** All that was shown. */
  screen(): string;
  /** Until what was shown after `from` has it; resolves to where it ends, for the next. */
  untilShown(pattern: RegExp | string, from?: number): Promise<number>;
  type(text: string): void;
  resize(rows: number, columns: number): void;
  /** Reads nothing any more: what is written waits in the terminal, as after Ctrl-S or in a connection that is stuck. */
  lookAway(): void;
  /** Closes the terminal. */
  hangUp(): void;
  /** Of the command; negative for the number of a signal that killed it. */
  readonly exited: Promise<number>;
  /** Of the command. */
  pid(): Promise<number>;
}

export const CTRL_C = '\x03';
export const CTRL_Z = '\x1a';
export const CTRL_BACKSLASH = '\x1c';

export function openTerminal(command: readonly string[]): Terminal {
  const program = startProgram('python3', ['-u', clonePath('test/fixtures/terminal.py'), ...command], {
    // What a shell says of its jobs is of the language of the user.
    env: { TERM: 'dumb', LC_ALL: 'C' },
    openInput: true,
  });
  const events = () =>
    program
      .stdout()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as readonly [string, string | number]);
  const valuesOf = (kind: string) => events().flatMap(([k, value]) => (k === kind ? [value] : []));
  const screen = () => valuesOf('out').join('');
  const act = (...words: readonly (string | number)[]) => program.write(`${JSON.stringify(words)}\n`);
  return {
    screen,
    async untilShown(pattern, from = 0) {
      return waitUntil(
        () => {
          const text = screen().slice(from);
          if (typeof pattern === 'string') {
            const at = text.indexOf(pattern);
            return at < 0 ? 0 : from + at + pattern.length;
          }
          const found = pattern.exec(text);
          return found === null ? 0 : from + found.index + found[0].length;
        },
        { describe: () => `${String(pattern)} on the screen after ${from}:\n${screen()}${program.stderr()}` },
      );
    },
    type: (text) => act('type', text),
    resize: (rows, columns) => act('size', rows, columns),
    lookAway: () => act('look away'),
    hangUp: () => act('hang up'),
    exited: program.exited.then(() => Number(valuesOf('exit')[0])),
    pid: () => waitUntil(() => Number(valuesOf('pid')[0])),
  };
}
