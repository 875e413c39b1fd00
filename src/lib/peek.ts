import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';

/** Looks at files that may vanish or be another user's while one looks, as those in /proc: nothing is then what is there. */

export function peekDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

export function peekLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

export function peekText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Of what a link leads to. */
export function peekStat(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
