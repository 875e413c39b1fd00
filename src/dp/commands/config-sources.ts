import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { peekStat } from '../../lib/peek.ts';
import { readPipe } from '../../lib/read-pipe.ts';
import { readFlags, readIgnoredFlags } from '../config/flags.ts';
import type { ConfigSources } from '../config/load.ts';
import { AGENT_SETTINGS } from '../config/settings.ts';
import { defaultStateDir } from '../known-good/paths.ts';
import { readHostLimits } from '../limits/host-limits.ts';
import type { CommandContext } from '../program.ts';
import { defaultRunDir } from '../run-dir/paths.ts';

/** Where the settings of `kuma-dp run` come from, for it and for the doctor that looks at the same. */
export function toConfigSources(command: Command, { env, stdin }: CommandContext): ConfigSources {
  const { configFile = '' } = command.opts<{ configFile?: string }>();
  return {
    flags: readFlags(command, AGENT_SETTINGS),
    ignoredFlags: readIgnoredFlags(command),
    env,
    cpus: readHostLimits().cpus,
    configFile,
    readText: (path) => (path === '-' ? readAll(stdin) : readText(path)),
    isDirectory: (path) => peekStat(path)?.isDirectory() === true,
    defaultRunDir: defaultRunDir(env, process.getuid?.() ?? 0),
    defaultStateDir: defaultStateDir(env, process.getuid?.() ?? 0),
  };
}

async function readText(path: string): Promise<string> {
  const piped = peekStat(path)?.isFIFO() === true ? await readPipe(path) : undefined;
  return piped ?? readFile(path, 'utf8');
}
