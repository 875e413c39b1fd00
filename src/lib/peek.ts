import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
