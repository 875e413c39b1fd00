import { parse } from 'yaml';
import type { Violation } from '../../lib/violations.ts';
import type { SettingValues } from '../../settings/declare.ts';
import { loadSettings, type SettingSources } from '../../settings/load.ts';
import type { AgentConfig, ProxyIdentity } from '../config/agent-config.ts';
import type { CrewConfig } from '../config/crew-config.ts';
import { type ConfigSources, loadConfig } from '../config/load.ts';
import { AGENT_SETTINGS } from '../config/settings.ts';
import { createReader } from '../crew/places.ts';
import { type Entry, toRoster } from '../crew/roster.ts';
import type { HostLimits } from '../limits/host-limits.ts';
import { readToken, type TokenReading } from '../token/source.ts';

type Values = SettingValues<typeof AGENT_SETTINGS>;

/** What the checks look at: the settings `kuma-dp run` would have, and the host. */
export interface Patient {
  /** Undefined where the settings are unusable. */
  readonly config: AgentConfig | undefined;
  /** The settings of each proxy: one, or those whose files could be used of several; empty where settings are unusable. */
  readonly proxies: readonly AgentConfig[];
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
  readonly tokens: readonly GivenTokenFile[];
  readonly binaryPath: string;
  readonly runDir: string;
  /** '' where there is no place for it. */
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly limits: HostLimits;
  /** Of the Envoys' shared memory. */
  readonly shmDir: string;
  /** Wall time in ms. */
  readonly now: () => number;
  /** What a check may take. */
  readonly patienceMs: number;
}

/** A file with a token, and for whom it is. */
export interface GivenTokenFile {
  readonly file: string;
  readonly reading: TokenReading;
  /** Who it is for, without a name where none is known. */
  readonly proxies: readonly ProxyIdentity[];
}

export interface PatientSources extends ConfigSources {
  readonly limits: HostLimits;
  readonly shmDir?: string;
  readonly now: () => number;
  readonly patienceMs: number;
}

/** Stands in for a name nobody gave, so that the rest of the settings can be read. */
const NOBODY = 'nobody';

export async function examine(given: PatientSources): Promise<Patient> {
  // Standard input can be read once.
  const sources = { ...given, readText: rememberTexts(given.readText) };
  const first = await loadConfig(sources);
  const named = first.ok || !first.violations.some(isNameless);
  const loaded = named ? first : await loadConfig({ ...sources, flags: { ...sources.flags, name: NOBODY } });
  const { values } = loadSettings(AGENT_SETTINGS, { ...sources, ...(await readFile(sources)) });
  const crew = loaded.ok ? loaded.crew : undefined;
  const config = loaded.ok ? loaded.config : undefined;
  const several = crew === undefined || config === undefined ? undefined : await readCrew(crew, config);
  return {
    config,
    proxies: several?.proxies ?? (config === undefined ? [] : [config]),
    violations: loaded.ok ? (several?.violations ?? []) : loaded.violations,
    warnings: loaded.ok ? loaded.warnings : [],
    tokens:
      config === undefined
        ? []
        : tokensOf(values.tokenFile, named ? config.proxy : nameless(config.proxy), several?.entries),
    ...placesOf(config, values, sources),
    env: sources.env,
    limits: sources.limits,
    shmDir: sources.shmDir ?? '/dev/shm',
    now: sources.now,
    patienceMs: sources.patienceMs,
  };
}

/** The proxies of several files, and what is wrong with the others. */
async function readCrew(crew: CrewConfig, config: AgentConfig) {
  // What was written a moment ago is read as it is.
  const { readings, absent } = await createReader({ ...crew, now: () => Number.POSITIVE_INFINITY }).look();
  const { roster, problems } = toRoster(new Map(), readings, new Set());
  return {
    entries: [...roster.values()],
    proxies: [...roster.values()].map(({ mesh, name, json }) => ({
      ...config,
      proxy: { ...config.proxy, mesh, name, resource: json },
    })),
    violations: [
      ...problems.map(({ path, problem }) => ({ field: path, message: problem })),
      ...[...absent].map(([path, problem]) => ({ field: path, message: problem })),
    ],
  };
}

function nameless(proxy: ProxyIdentity): ProxyIdentity {
  return { ...proxy, name: '' };
}

/** The one of the settings, and those beside the files of several proxies; `entries` is undefined for a single proxy. */
function tokensOf(
  file: string,
  proxy: ProxyIdentity,
  entries: readonly Entry[] | undefined,
): readonly GivenTokenFile[] {
  const reading: TokenReading =
    proxy.token === undefined ? { ok: false, problem: 'is empty' } : { ok: true, token: proxy.token };
  const toProxy = ({ mesh, name, json }: Entry) => ({ ...proxy, mesh, name, resource: json });
  const sharing = entries?.filter(({ tokenFile }) => tokenFile === undefined).map(toProxy) ?? [proxy];
  const isUsed = file !== '' && (sharing.length > 0 || entries?.length === 0);
  const own = (entries ?? []).flatMap((entry) =>
    entry.tokenFile === undefined
      ? []
      : {
          file: entry.tokenFile,
          reading: readToken({ kind: 'file', path: entry.tokenFile }),
          proxies: [toProxy(entry)],
        },
  );
  return [...(isUsed ? [{ file, reading, proxies: sharing }] : []), ...own];
}

/** Settings that do not depend on the others count even where those are wrong. */
function placesOf(
  config: AgentConfig | undefined,
  values: Values,
  sources: ConfigSources,
): Pick<Patient, 'binaryPath' | 'runDir' | 'stateDir'> {
  return {
    binaryPath: config?.envoy.binaryPath ?? values.binaryPath,
    runDir: config?.runDir ?? (values.runDir || values.workDir || values.configDir || sources.defaultRunDir),
    stateDir: config?.state.dir ?? (values.stateDir || sources.defaultStateDir),
  };
}

/** Nothing where it cannot be used, which is a violation of its own. */
async function readFile({ configFile, readText }: ConfigSources): Promise<Pick<SettingSources, 'file'>> {
  if (configFile === '') return {};
  try {
    return { file: { path: configFile, content: parse(await readText(configFile)) as unknown } };
  } catch {
    return {};
  }
}

function rememberTexts(readText: ConfigSources['readText']): ConfigSources['readText'] {
  const texts = new Map<string, Promise<string>>();
  return (path) => {
    const text = texts.get(path) ?? readText(path);
    texts.set(path, text);
    return text;
  };
}

function isNameless({ field, message }: Violation): boolean {
  return field === '--name' && message.startsWith('is missing');
}
