import { type Command, Option } from 'commander';
import { formatDuration } from '../../lib/duration.ts';
import type { Setting, Settings } from '../../settings/declare.ts';
import { IGNORED_SETTINGS } from './ignored.ts';
import { SWITCH } from './switches.ts';

/** Raw texts as `loadSettings` takes them: by setting name, several for a list. */
export type FlagTexts = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Gives the command one option per declared setting that has a flag; the default shown is the declared one. */
export function addFlags(command: Command, settings: Settings): void {
  for (const setting of Object.values(settings)) {
    if (setting.flag !== undefined) command.addOption(toOption(setting, setting.flag));
  }
}

/** Accepts Kuma's flags that have no effect here, out of sight of `--help`. */
export function addIgnoredFlags(command: Command): void {
  for (const { flag } of IGNORED_SETTINGS) {
    if (flag !== undefined) command.addOption(new Option(`${flag} [value]`).hideHelp());
  }
}

/** What was given on the command line, by setting name. */
export function readFlags(command: Command, settings: Settings): FlagTexts {
  const given = command.optsWithGlobals<Record<string, unknown>>();
  return Object.fromEntries(
    Object.entries(settings).map(([name, { flag }]) => [
      name,
      flag === undefined ? undefined : textOf(given[keyOf(flag)]),
    ]),
  );
}

/** What was given of the ignored flags, by flag. */
export function readIgnoredFlags(command: Command): Readonly<Record<string, string | undefined>> {
  const given = command.optsWithGlobals<Record<string, unknown>>();
  return Object.fromEntries(
    IGNORED_SETTINGS.flatMap(({ flag }) => {
      const text = flag === undefined ? undefined : textOf(given[keyOf(flag)]);
      return flag === undefined || text === undefined ? [] : [[flag, String(text)]];
    }),
  );
}

function toOption(setting: Setting<unknown>, flag: string): Option {
  // A switch takes `--switch` and Go's `--switch=false`.
  const shape = setting.placeholder === '' ? SWITCH : `<${setting.placeholder}>`;
  const names = setting.short === undefined ? flag : `${setting.short}, ${flag}`;
  const fallback = describeDefault(setting);
  const option = new Option(
    `${names} ${shape}`,
    fallback === '' ? setting.doc : `${setting.doc} (default: ${fallback})`,
  );
  if (setting.list === true)
    option.argParser((text: string, before: readonly string[] = []) => [...before, text]);
  return option;
}

function describeDefault({ value, placeholder }: Setting<unknown>): string {
  const fallback: unknown = (value as { readonly default?: unknown }).default;
  if (fallback === undefined || fallback === '' || Array.isArray(fallback)) return '';
  return placeholder === 'duration' ? describeDuration(Number(fallback)) : String(fallback);
}

/** Without the units that are zero: `72h`, not `72h0m0s`. */
function describeDuration(ms: number): string {
  return formatDuration(ms)
    .replace(/(?<=m)0s$/, '')
    .replace(/(?<=h)0m$/, '');
}

function textOf(value: unknown): string | readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return value.map(String);
  return String(value);
}

/** Commander's key of a long flag: `--cp-address` → `cpAddress`. */
function keyOf(flag: string): string {
  return flag.replace(/^--/, '').replace(/-([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
}
