import type { Violation } from '../../lib/violations.ts';
import type { SettingValues } from '../../settings/declare.ts';
import type { TemplateVariables } from '../dataplane/template.ts';
import type { AGENT_SETTINGS } from './settings.ts';

/** What several proxies in one agent need besides the settings they share. */
export interface CrewConfig {
  /** Files and directories as they were given, in that order. */
  readonly places: readonly string[];
  readonly variables: TemplateVariables;
  /** The mesh all have to be in; undefined: each file says. */
  readonly mesh: string | undefined;
  /** Loopback port that answers for all of them; undefined: none was asked for. */
  readonly readinessPort: number | undefined;
}

export interface CrewSettings {
  readonly values: SettingValues<typeof AGENT_SETTINGS>;
  readonly origins: Readonly<Record<keyof typeof AGENT_SETTINGS, string>>;
}

/** Settings that only one proxy can have, and why. */
const OF_ONE = {
  name: 'names one proxy; with several each file names its own',
  dataplane: 'gives one Dataplane as text; put it into a file of its own',
  adminPort:
    'is one port, which several Envoys cannot share; leave it out: each has admin.sock in its run directory',
  appHealth:
    'checks one application, and nobody could tell which of several proxies it is behind; run an agent of its own for that one',
} as const;

/** Pushes a violation for each setting that several proxies cannot share. */
export function checkCrew(
  { values, origins }: CrewSettings,
  { places, violations }: { readonly places: readonly string[]; readonly violations: Violation[] },
): void {
  for (const key of Object.keys(OF_ONE) as (keyof typeof OF_ONE)[])
    if (values[key] !== '' && values[key] !== 0)
      violations.push({ field: origins[key], message: OF_ONE[key] });
  if (places.includes('-'))
    violations.push({
      field: origins.dataplaneFile,
      message: 'reads one Dataplane from standard input ("-"), which goes with no other file',
    });
}
