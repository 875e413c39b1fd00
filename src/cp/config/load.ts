import { homedir } from 'node:os';
import { describeError } from '../../lib/coded-error.ts';
import { deepFreeze } from '../../lib/deep-freeze.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { Violation } from '../../lib/violations.ts';
import { type LoadedSettings, loadSettings, type SettingSources } from '../../settings/load.ts';
import { checkValues } from './check.ts';
import { type ControlPlaneConfig, toConfig } from './config.ts';
import { describeSettings } from './describe.ts';
import { type ConfigFile, parseConfigFile } from './file.ts';
import { resolveValues, type Surroundings } from './resolve.ts';
import { controlPlaneSettings, refusedSettings } from './settings.ts';
import { at, surveyFile, surveyVariables } from './survey.ts';

export interface ConfigSources {
  /** `-c`; undefined: no file. */
  readonly argvConfigPath: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Throws when there is no such file. */
  readonly readFile: (path: string) => string;
  /** Raw text of flags by setting name: `logLevel`, `logFormat`. */
  readonly flags?: SettingSources['flags'];
  /** Home and working directory; those of the process if not given. */
  readonly around?: Surroundings;
}

export interface LoadedConfig {
  /** Undefined when there are violations. */
  readonly config: ControlPlaneConfig | undefined;
  /** The effective configuration under today's keys, without secrets; empty when there are violations. */
  readonly described: JsonObject;
  /** Whole sentences for the log: what was written and has no effect. */
  readonly warnings: readonly string[];
  readonly violations: readonly Violation[];
}

const ALL_SETTINGS = { ...controlPlaneSettings, ...refusedSettings };

/** Flag over environment over file over default, as everywhere in this project (Kuma puts variables over all). */
export function loadControlPlaneConfig(sources: ConfigSources): LoadedConfig {
  const { env, around = { home: env.HOME || homedir(), cwd: process.cwd() } } = sources;
  const file =
    sources.argvConfigPath === undefined ? undefined : openFile(sources.argvConfigPath, sources.readFile);
  const survey = file === undefined ? undefined : surveyFile(ALL_SETTINGS, file);
  const warnings = [...(survey?.warnings ?? []), ...surveyVariables(ALL_SETTINGS, env)];
  const read = { flags: sources.flags ?? {}, env, ...(file === undefined ? {} : { file }) };
  const loaded = loadSettings(controlPlaneSettings, read);
  const refused = loadSettings(refusedSettings, read);
  const inFile = [...(file?.violations ?? []), ...(survey?.violations ?? []), ...twiceInFile(file)];
  const parsing = [...inFile, ...[...loaded.violations, ...refused.violations].map((v) => withLine(v, file))];
  if (parsing.length > 0) return { config: undefined, described: {}, warnings, violations: parsing };
  return { warnings, ...finish(loaded, around, file) };
}

function finish(
  { values, origins }: LoadedSettings<typeof controlPlaneSettings>,
  around: Surroundings,
  file: ConfigFile | undefined,
): Omit<LoadedConfig, 'warnings'> {
  const effective = resolveValues(values, origins, around);
  const mesh = parseMesh(effective.defaultMesh, origins.defaultMesh);
  const violations = [...mesh.violations, ...checkValues(effective, origins)].map((v) => withLine(v, file));
  if (violations.length > 0) return { config: undefined, described: {}, violations };
  return {
    config: deepFreeze(toConfig(effective, mesh.document)),
    described: deepFreeze(describeSettings(controlPlaneSettings, effective)),
    violations,
  };
}

function openFile(path: string, readFile: (path: string) => string): ConfigFile {
  try {
    return parseConfigFile(path, readFile(path));
  } catch (error) {
    const message = `failed to access configuration file "${path}": ${describeError(error)}`;
    return { path, content: {}, violations: [{ field: '', message }], lineOf: () => undefined };
  }
}

/** The same thing said under today's and an older key, differently: nobody knows which one was meant. */
function twiceInFile(file: ConfigFile | undefined): readonly Violation[] {
  if (file === undefined) return [];
  return Object.values(ALL_SETTINGS).flatMap(({ key, olderKeys = [] }) => {
    const [first, ...others] = [key, ...olderKeys].filter((k) => lookUp(file.content, k) !== undefined);
    if (first === undefined) return [];
    return others
      .filter((other) => String(lookUp(file.content, other)) !== String(lookUp(file.content, first)))
      .map((other) => ({
        field: at(file, other.split('.')),
        message: `says otherwise than ${first}; set one of them`,
      }));
  });
}

function lookUp(content: unknown, dotted: string): unknown {
  return dotted
    .split('.')
    .reduce<unknown>((value, part) => (isJsonObject(value) ? value[part] : undefined), content);
}

/** `kuma-cp.conf: store.type` → `kuma-cp.conf:3: store.type`. */
function withLine(violation: Violation, file: ConfigFile | undefined): Violation {
  const prefix = `${file?.path}: `;
  if (file === undefined || !violation.field.startsWith(prefix)) return violation;
  return { ...violation, field: at(file, violation.field.slice(prefix.length).split('.')) };
}

/** `defaults.mesh` is a document inside a value. */
function parseMesh(
  text: string,
  origin: string,
): { document: JsonObject | undefined; violations: readonly Violation[] } {
  if (text.trim() === '') return { document: undefined, violations: [] };
  const { content, violations } = parseConfigFile('', text);
  const described = violations.map(({ field, message }) => ({
    field: origin,
    message: `is not a mesh document: ${field === '' ? '' : `line ${field.slice(1)}: `}${message}`,
  }));
  return { document: content, violations: described };
}
