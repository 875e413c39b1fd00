import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { peekStat } from '../../lib/peek.ts';
import { AgentError } from '../agent-error.ts';

/** The words after `--`: a program and its arguments. */
export type ApplicationCommand = readonly [string, ...string[]];

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Finds the program before anything is started, as a shell does. Throws AgentError `application-not-found` or
 * `application-unusable`, whose exit codes are a shell's 127 and 126.
 */
export function locateApplication(command: ApplicationCommand, env: Env): string {
  const [name] = command;
  const candidates = name.includes('/')
    ? [resolve(name)]
    : (env.PATH ?? '').split(delimiter).map((dir) => join(dir === '' ? '.' : dir, name));
  const files = candidates.filter(isFile);
  const found = files.find(isExecutable);
  if (found !== undefined) return found;
  const [file] = files;
  if (file !== undefined)
    throw new AgentError(
      'application-unusable',
      `the application ${file} is not executable for this user; chmod +x it, or put its interpreter in front`,
    );
  throw new AgentError(
    'application-not-found',
    name.includes('/')
      ? `the application ${name} is no file; check the words after --`
      : `the application "${name}" is not on PATH; check the words after --, or give its path`,
  );
}

/** Like a shell, past directories that this user may not look into. */
function isFile(path: string): boolean {
  return peekStat(path)?.isFile() === true;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
