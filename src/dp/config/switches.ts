import type { Command } from 'commander';

/** How `--help` shows a switch. */
export const SWITCH = '[true|false]';

/**
 * Says `--follow=true` for a bare `--follow` or `-f`, in words up to `--`: commander would take the name after it for
 * its value. `true` and `false` after a switch are still its value.
 */
export function bindSwitches(argv: readonly string[], commands: readonly Command[]): readonly string[] {
  const switches = commands
    .flatMap(({ options }) => options)
    .filter(({ flags, long }) => flags.endsWith(SWITCH) && typeof long === 'string')
    .flatMap(({ short, long }) => [
      [short, long],
      [long, long],
    ]);
  const longOf = new Map(switches as [string, string][]);
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  const bound = words.flatMap((word, i) => {
    const [, first = '', second] = /^(-\w)(\w)$/.exec(word) ?? [];
    const joined = longOf.get(first);
    // `-fn 5` is `-f -n 5`.
    if (joined !== undefined) return [`${joined}=true`, `-${second}`];
    const long = longOf.get(word);
    return long === undefined || isValue(words[i + 1] ?? '') ? [word] : [`${long}=true`];
  });
  return [...bound, ...argv.slice(words.length)];
}

function isValue(word: string): boolean {
  return /^(true|false|yes|no|on|off|1|0)$/i.test(word);
}
