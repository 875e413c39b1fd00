import { NO_EFFECT } from '../../src/cp/config/no-effect.ts';
import { controlPlaneSettings } from '../../src/cp/config/settings.ts';
import { CONTROL_SETTINGS, STATUS_SETTINGS, STOP_SETTINGS } from '../../src/dp/config/control-settings.ts';
import { DOCTOR_SETTINGS, LOGS_SETTINGS } from '../../src/dp/config/host-settings.ts';
import { IGNORED_SETTINGS } from '../../src/dp/config/ignored.ts';
import { AGENT_SETTINGS } from '../../src/dp/config/settings.ts';
import { WAIT_SETTINGS } from '../../src/dp/config/wait-settings.ts';
import { formatDuration } from '../../src/lib/duration.ts';
import type { Setting, Settings } from '../../src/settings/declare.ts';

const COMMANDS: readonly (readonly [string, Settings])[] = [
  ['kuma-dp wait', WAIT_SETTINGS],
  ['kuma-dp status', STATUS_SETTINGS],
  ['kuma-dp restart, drain, detach', CONTROL_SETTINGS],
  ['kuma-dp stop', STOP_SETTINGS],
  ['kuma-dp logs', LOGS_SETTINGS],
  ['kuma-dp doctor', DOCTOR_SETTINGS],
];

/** Text of docs/configuration.md, from the declarations that the programs themselves read. */
export function configurationPage(): string {
  return `# Configuration

Printed from the declarations in the code by \`npm run docs\`; a test fails when it is out of date.

For every program a flag overrules a variable, a variable overrules the configuration file, and the file overrules the
default. (Kuma's own kuma-dp lets a variable overrule a flag.) A variable set to nothing counts as not set. Two names of
the same setting that are set to different values are an error, and so is every value that cannot be used: all of them
are reported at once, with the flag, variable or line they come from.

## kuma-cp run

The configuration file (\`-c\`, \`--config-file\`) is YAML; keys are nested at the dots. Older names are those of Kuma 0.1
and mean the same.

${table(['Key', 'Older key', 'Variable', 'Default', 'Meaning'], fileRows(controlPlaneSettings))}

Accepted without effect, with a line in the log that says why:

${table(
  ['Key', 'Why'],
  [...NO_EFFECT].map(([key, why]) => [code(key), why]),
)}

## kuma-dp run

${table(['Flag', 'Variable', 'File key', 'Default', 'Meaning'], flagRows(AGENT_SETTINGS))}

Kuma's other settings are accepted and warned about when they are set:

${table(
  ['Flag', 'Variable', 'Why'],
  IGNORED_SETTINGS.map(({ flag, env, reason }) => [code(flag), code(env), reason]),
)}

${COMMANDS.map(([name, settings]) => `## ${name}\n\n${table(['Flag', 'Variable', 'Default', 'Meaning'], commandRows(settings))}`).join('\n\n')}
`;
}

function fileRows(settings: Settings): string[][] {
  return Object.values(settings).map((s) => [
    code(s.key),
    (s.olderKeys ?? []).map(code).join(', '),
    (s.env ?? []).map(code).join(', '),
    code(defaultText(s)),
    s.doc + (s.flag === undefined ? '' : ` Flag: \`${s.flag}\`.`),
  ]);
}

function flagRows(settings: Settings): string[][] {
  return Object.values(settings).map((s) => [
    [s.short, s.flag].map(code).filter(Boolean).join(', '),
    (s.env ?? []).map(code).join(', '),
    code(s.key),
    code(defaultText(s)),
    s.doc,
  ]);
}

function commandRows(settings: Settings): string[][] {
  return flagRows(settings).map(([flag, env, , fallback, doc]) => [
    flag ?? '',
    env ?? '',
    fallback ?? '',
    doc ?? '',
  ]);
}

function defaultText({ value, placeholder }: Setting<unknown>): string {
  const fallback: unknown = (value as { readonly default?: unknown }).default;
  if (fallback === undefined || fallback === '') return '';
  if (Array.isArray(fallback)) return fallback.join(',');
  return placeholder === 'duration' && typeof fallback === 'number'
    ? formatDuration(fallback)
    : String(fallback);
}

function code(text: string | undefined): string {
  return text === undefined || text === '' ? '' : `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((c) => c.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
