import { normalize } from 'node:path';
import { parse } from 'yaml';
import { describeError } from '../../lib/coded-error.ts';
import { formatDuration } from '../../lib/duration.ts';
import type { Violation } from '../../lib/violations.ts';
import type { SettingValues } from '../../settings/declare.ts';
import { type LoadedSettings, loadSettings } from '../../settings/load.ts';
import { parseAppCheck } from '../app-health/parse-check.ts';
import { parseGiven, urlOfGiven } from '../control-planes/given.ts';
import { parseDataplane } from '../dataplane/resource.ts';
import { parseVariables, type TemplateVariables } from '../dataplane/template.ts';
import { type CpuFacts, parseConcurrency, resolveConcurrency } from '../limits/concurrency.ts';
import { describeClearText } from '../token/clear-text.ts';
import { type GivenToken, readGivenToken } from '../token/given.ts';
import type { AgentConfig, AppHealthOptions, ControlPlaneTarget, ProxyIdentity } from './agent-config.ts';
import { type CrewConfig, checkCrew } from './crew-config.ts';
import type { FlagTexts } from './flags.ts';
import { warnOfIgnored, warnOfUnknownVariables } from './ignored.ts';
import { AGENT_SETTINGS } from './settings.ts';

type Values = SettingValues<typeof AGENT_SETTINGS>;
type Loaded = LoadedSettings<typeof AGENT_SETTINGS>;

export interface ConfigSources {
  readonly flags: FlagTexts;
  readonly ignoredFlags: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of the agent's own configuration file, '' for none. */
  readonly configFile: string;
  /** Whole text of a file; `-` is standard input. */
  readonly readText: (path: string) => Promise<string>;
  /** Whether a path leads to a directory; without it none does. */
  readonly isDirectory?: (path: string) => boolean;
  /** Where run directories go when the user names none. */
  readonly defaultRunDir: string;
  /** Where state goes when the user names no place; '' for none. */
  readonly defaultStateDir: string;
  /** For `--concurrency auto`; without them Envoy counts by itself. */
  readonly cpus?: CpuFacts;
}

const NO_CPUS: CpuFacts = { allowed: 0, cores: 0, quota: undefined };

export type LoadedConfig =
  | {
      readonly ok: true;
      /** With a crew: what its proxies share; it names none. */
      readonly config: AgentConfig;
      /** Several proxies are wanted. */
      readonly crew: CrewConfig | undefined;
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/** Reads settings from all sources and the files they name. All violations are collected. */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const violations: Violation[] = [];
  const read = async (path: string, origin: string): Promise<string> => {
    try {
      return await sources.readText(path);
    } catch (error) {
      violations.push({ field: origin, message: `cannot read ${path}: ${describeError(error)}` });
      return '';
    }
  };
  const { flags, env, configFile } = sources;
  const file =
    configFile === ''
      ? undefined
      : parseFile(configFile, await read(configFile, '--config-file'), violations);
  const loaded = loadSettings(AGENT_SETTINGS, { flags, env, ...(file === undefined ? {} : { file }) });
  violations.push(...loaded.violations);
  // A value given with -v may hold a comma, which the joined form of a list would split.
  const pairs = asGiven(flags.dataplaneVars) ?? loaded.values.dataplaneVars;
  const files = asGiven(flags.dataplaneFile) ?? loaded.values.dataplaneFile;
  const { variables, violations: badPairs } = parseVariables(pairs);
  violations.push(...badPairs);
  const crew = readCrew(loaded, { files, variables, violations }, sources);
  const token = readGivenToken(loaded, env, { read, violations });
  const proxy = await readProxy(
    loaded,
    { file: files[0] ?? '', variables, token: (await token).token, named: crew === undefined },
    { read, violations },
  );
  const controlPlane = await readTarget(loaded, { read, violations });
  checkTokenTransport(controlPlane, proxy, violations);
  const { parentShutdownTime, drainTime } = loaded.values;
  if (parentShutdownTime > 0 && parentShutdownTime <= drainTime)
    violations.push({
      field: loaded.origins.parentShutdownTime,
      message: `must be longer than the drain time of ${formatDuration(drainTime)}: connections would be cut before they are told to close`,
    });
  if (loaded.values.drainTime <= 0)
    violations.push({ field: loaded.origins.drainTime, message: 'must be more than 0s' });
  checkHost(loaded, violations);
  const appHealth = readAppHealth(loaded, violations);
  if (violations.length > 0 || controlPlane === undefined || proxy === undefined)
    return { ok: false, violations };
  const warnings = [
    ...warnOfIgnored(sources.ignoredFlags, env),
    ...warnOfUnknownVariables(env, knownVariables()),
  ];
  warnings.unshift(...(await token).warnings);
  if (controlPlane.skipVerify) {
    warnings.unshift(
      `TLS VERIFICATION OF THE CONTROL PLANE IS OFF (${loaded.origins.skipVerify}): anybody on the path can take over this proxy`,
    );
  }
  return {
    ok: true,
    crew,
    config: toConfig(loaded.values, { controlPlane, proxy, token: await token, appHealth, sources }),
    warnings,
  };
}

interface Reading {
  readonly read: (path: string, origin: string) => Promise<string>;
  readonly violations: Violation[];
}

function parseFile(
  path: string,
  text: string,
  violations: Violation[],
): { path: string; content: unknown } | undefined {
  try {
    return { path, content: parse(text) };
  } catch (error) {
    violations.push({
      field: path,
      message: `is not valid YAML: ${describeError(error).split('\n')[0]?.replace(/:$/, '')}`,
    });
    return undefined;
  }
}

/** What stands in a flag, where a comma may be part of a value; undefined when it was not given there. */
function asGiven(flag: FlagTexts[string]): readonly string[] | undefined {
  return Array.isArray(flag) ? (flag as readonly string[]) : undefined;
}

/** undefined for one proxy, as it always was. */
function readCrew(
  loaded: Loaded,
  given: {
    readonly files: readonly string[];
    readonly variables: TemplateVariables;
    readonly violations: Violation[];
  },
  { isDirectory = () => false }: ConfigSources,
): CrewConfig | undefined {
  const { values, origins } = loaded;
  const { files, variables, violations } = given;
  const places = [...new Set(files.map(tidy))];
  if (places.length < 2 && !places.some(isDirectory)) return undefined;
  checkCrew(loaded, { places, violations });
  return {
    places,
    variables,
    mesh: origins.mesh === 'default' ? undefined : values.mesh,
    readinessPort: values.readinessPort === 0 ? undefined : values.readinessPort,
  };
}

/** Files below a directory are known by its path, however that was spelled. */
function tidy(path: string): string {
  const normal = normalize(path);
  return normal === '/' ? normal : normal.replace(/\/$/, '');
}

interface Given {
  /** '' for none. */
  readonly file: string;
  readonly variables: TemplateVariables;
  readonly token: string | undefined;
  /** Not for a crew. */
  readonly named: boolean;
}

async function readProxy(
  { values, origins }: Loaded,
  { file, variables, token, named }: Given,
  { read, violations }: Reading,
): Promise<ProxyIdentity | undefined> {
  const common = { proxyType: values.proxyType, ...(token === undefined ? {} : { token }) };
  if (!named) return { mesh: values.mesh, name: '', ...common };
  if (values.dataplane === '' && file === '') {
    if (values.name === '') {
      violations.push({
        field: '--name',
        message:
          'is missing: name the Dataplane (--name, KUMA_DATAPLANE_NAME) or bring one with --dataplane-file',
      });
      return undefined;
    }
    return { mesh: values.mesh, name: values.name, ...common };
  }
  if (values.dataplane !== '' && file !== '') {
    violations.push({
      field: `${origins.dataplane} and ${origins.dataplaneFile}`,
      message: 'are both set; give the Dataplane once',
    });
    return undefined;
  }
  const inline = values.dataplane !== '';
  const before = violations.length;
  const template = inline ? values.dataplane : await read(file, origins.dataplaneFile);
  // What cannot be read says nothing more.
  if (violations.length > before) return undefined;
  const source = inline ? origins.dataplane : file === '-' ? 'standard input' : file;
  const resource = parseDataplane(template, variables, source);
  if (!resource.ok) {
    violations.push(...resource.violations);
    return undefined;
  }
  for (const key of ['name', 'mesh'] as const) {
    if (origins[key] === 'default' || values[key] === resource[key]) continue;
    violations.push({
      field: origins[key],
      message: `is "${values[key]}" but ${source} says "${resource[key]}"; leave the setting out`,
    });
  }
  return { mesh: resource.mesh, name: resource.name, resource: resource.json, ...common };
}

async function readTarget(
  { values, origins }: Loaded,
  { read, violations }: Reading,
): Promise<ControlPlaneTarget | undefined> {
  const caCert =
    values.caCert !== ''
      ? values.caCert
      : values.caCertFile === ''
        ? ''
        : await read(values.caCertFile, origins.caCertFile);
  if (caCert !== '' && !caCert.includes('-----BEGIN CERTIFICATE-----')) {
    violations.push({
      field: values.caCert === '' ? origins.caCertFile : origins.caCert,
      message: `${values.caCert === '' ? `${values.caCertFile} ` : ''}holds no PEM certificate`,
    });
  }
  const fingerprint = values.caFingerprint
    .toLowerCase()
    .replace(/^sha256:/, '')
    .replaceAll(':', '');
  if (fingerprint !== '' && !/^[0-9a-f]{64}$/.test(fingerprint)) {
    violations.push({
      field: origins.caFingerprint,
      message: `must be sha256: and 64 hex digits, got "${values.caFingerprint}"`,
    });
  }
  const parsed = parseGiven(values.controlPlaneUrl);
  const first = parsed.ok ? parsed.given[0] : undefined;
  if (!parsed.ok) violations.push({ field: origins.controlPlaneUrl, message: parsed.message });
  if (!parsed.ok || first === undefined) return undefined;
  return {
    url: urlOfGiven(first),
    given: parsed.given,
    inOrder: values.controlPlaneOrder === 'given',
    returnAfterMs: values.controlPlaneReturn,
    ...(caCert === '' ? {} : { caCert }),
    ...(fingerprint === '' ? {} : { caFingerprint: fingerprint }),
    skipVerify: values.skipVerify,
    retryBackoffMs: Math.max(values.retryBackoff, 10),
    retryMaxMs: values.retryMaxDuration,
  };
}

function checkHost({ values, origins }: Loaded, violations: Violation[]): void {
  if (parseConcurrency(values.concurrency) === undefined)
    violations.push({
      field: origins.concurrency,
      message: `must be auto, cpuset or a whole number, got "${values.concurrency}"`,
    });
  if (values.maxMemory < 0) violations.push({ field: origins.maxMemory, message: 'must not be negative' });
}

/** undefined when no check is wanted, or when it was refused. */
function readAppHealth({ values, origins }: Loaded, violations: Violation[]): AppHealthOptions | undefined {
  const { appHealthUnhealthyThreshold: unhealthyThreshold, appHealthHealthyThreshold: healthyThreshold } =
    values;
  const { appHealthInterval: intervalMs, appHealthTimeout: timeoutMs } = values;
  if (values.appHealth === '') return undefined;
  const parsed = parseAppCheck(values.appHealth);
  if (!parsed.ok) violations.push({ field: origins.appHealth, message: parsed.message });
  for (const key of ['appHealthUnhealthyThreshold', 'appHealthHealthyThreshold'] as const)
    if (values[key] < 1) violations.push({ field: origins[key], message: 'must be at least 1' });
  for (const key of ['appHealthInterval', 'appHealthTimeout'] as const)
    if (values[key] < MIN_APP_HEALTH_MS)
      violations.push({ field: origins[key], message: `must be at least ${MIN_APP_HEALTH_MS}ms` });
  return parsed.ok
    ? { check: parsed.check, intervalMs, timeoutMs, unhealthyThreshold, healthyThreshold }
    : undefined;
}

/** Checks that follow each other faster would be a load of their own. */
const MIN_APP_HEALTH_MS = 50;

function checkTokenTransport(
  target: ControlPlaneTarget | undefined,
  proxy: ProxyIdentity | undefined,
  violations: Violation[],
): void {
  if (proxy?.token === undefined || target === undefined) return;
  for (const message of describeClearText(target.given?.map(urlOfGiven) ?? [target.url]))
    violations.push({ field: '--dataplane-token-file', message });
}

function toConfig(
  values: Values,
  parts: {
    controlPlane: ControlPlaneTarget;
    proxy: ProxyIdentity;
    token: GivenToken;
    appHealth: AppHealthOptions | undefined;
    sources: ConfigSources;
  },
): AgentConfig {
  const { controlPlane, proxy, token, appHealth, sources } = parts;
  return Object.freeze({
    controlPlane,
    proxy,
    ...(token.source === undefined ? {} : { tokenSource: token.source }),
    envoy: {
      binaryPath: values.binaryPath,
      deltaXds: values.xdsVariant === 'DELTA_GRPC',
      concurrency: resolveConcurrency(
        parseConcurrency(values.concurrency) ?? 'auto',
        sources.cpus ?? NO_CPUS,
      ),
      maxMemoryBytes: values.maxMemory,
      adminPort: values.adminPort,
      drainTimeMs: values.drainTime,
      restartBaseMs: Math.max(values.restartBaseBackoff, 1),
      restartMaxMs: Math.max(values.restartMaxBackoff, values.restartBaseBackoff, 1),
      maxRestarts: Math.max(values.maxRestarts, 0),
      hotRestart: values.hotRestart,
      watchBinary: values.watchBinary,
      keep: values.keepEnvoy,
      logDir: values.envoyLogDir || values.stateDir || sources.defaultStateDir,
      parentShutdownMs: values.parentShutdownTime || values.drainTime + 15_000,
      bootstrapRefreshMs: values.bootstrapRefresh,
      childLiveMs: Math.max(values.childLiveTimeout, 1_000),
      silenceMs: values.silenceTimeout === 0 ? 0 : Math.max(values.silenceTimeout, 5_000),
      logLevel: values.envoyLogLevel || toEnvoyLevel(values.logLevel),
      componentLogLevel: values.envoyComponentLogLevel,
    },
    readinessPort: values.readinessPort,
    xdsRelay: values.xdsRelay === 'on',
    runDir: values.runDir || values.workDir || values.configDir || sources.defaultRunDir,
    state: {
      dir: values.stateDir || sources.defaultStateDir,
      secretsOnDisk: values.stateSecrets === 'disk',
      graceMs: values.grace,
      maxAgeMs: values.staleMaxAge,
    },
    stopOrder: values.stopOrder,
    appStopTimeoutMs: values.appStopTimeout,
    appHealth,
    log: { level: values.logLevel, format: values.logFormat },
  });
}

/** Envoy spells one level differently. */
function toEnvoyLevel(level: string): string {
  return level === 'warn' ? 'warning' : level;
}

function knownVariables(): readonly string[] {
  return Object.values(AGENT_SETTINGS).flatMap((s) => ('env' in s ? (s.env ?? []) : []));
}
