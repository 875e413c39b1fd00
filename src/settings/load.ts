import { cleanEnv, EnvMissingError } from 'envalid';
import type { Violation } from '../lib/violations.ts';
import type { Settings, SettingValues } from './declare.ts';

/** Where a program's settings may come from. A later line of this list is overruled by an earlier one. */
export interface SettingSources {
  /** Raw text by setting name; several values of a list flag in the order given. */
  readonly flags: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The parsed configuration file and its path for messages. */
  readonly file?: { readonly path: string; readonly content: unknown };
}

export interface LoadedSettings<S extends Settings> {
  readonly values: SettingValues<S>;
  /** Where each value came from, for people: `--admin-port`, `KUMA_DATAPLANE_NAME`, `kuma-cp.conf: store.type`, `default`. */
  readonly origins: Readonly<Record<keyof S & string, string>>;
  /** Everything that is wrong; `field` says where it was set. `values` are to be used only when empty. */
  readonly violations: readonly Violation[];
}

/** Flag over environment over file over default; an empty variable counts as not set. */
export function loadSettings<S extends Settings>(settings: S, sources: SettingSources): LoadedSettings<S> {
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  const violations: Violation[] = [];
  for (const [name, setting] of Object.entries(settings)) {
    const found = pick(name, setting, sources, violations);
    origins[name] = found?.origin ?? 'default';
    cleanEnv(
      found === undefined ? {} : { [name]: found.text },
      { [name]: setting.value },
      {
        reporter: ({ errors, env }) => {
          values[name] = (env as Readonly<Record<string, unknown>>)[name];
          for (const error of Object.values<Error | undefined>(errors)) {
            if (error === undefined || error instanceof EnvMissingError) continue;
            violations.push({ field: origins[name] ?? name, message: error.message });
          }
        },
      },
    );
  }
  return {
    values: Object.freeze(values) as SettingValues<S>,
    origins: origins as LoadedSettings<S>['origins'],
    violations,
  };
}

interface Found {
  readonly text: string;
  readonly origin: string;
}

function pick(
  name: string,
  setting: Settings[string],
  { flags, env, file }: SettingSources,
  violations: Violation[],
): Found | undefined {
  const flag = flags[name];
  if (flag !== undefined) {
    return { text: typeof flag === 'string' ? flag : flag.join(','), origin: setting.flag ?? name };
  }
  const variables = (setting.env ?? []).filter((v) => (env[v] ?? '') !== '');
  const [first, ...others] = variables;
  if (first !== undefined) {
    const differing = others.find((v) => env[v] !== env[first]);
    if (differing !== undefined) {
      violations.push({
        field: `${first} and ${differing}`,
        message: 'are set to different values; set one of them',
      });
    }
    return { text: env[first] ?? '', origin: first };
  }
  for (const key of file === undefined ? [] : [setting.key, ...(setting.olderKeys ?? [])]) {
    const text = scalarText(lookUp(file?.content, key));
    if (text !== undefined) return { text, origin: `${file?.path}: ${key}` };
  }
  return undefined;
}

function lookUp(content: unknown, dotted: string): unknown {
  let at: unknown = content;
  for (const part of dotted.split('.')) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string, unknown>)[part];
  }
  return at;
}

function scalarText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.map((v) => scalarText(v) ?? '').join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
