import { resolve } from 'node:path';
import { parseDuration } from '../lib/duration.ts';
import { connect } from './client/connect.ts';
import type { ControlPlaneClient } from './client/control-plane-client.ts';
import { checkVersion } from './client/version-check.ts';
import { defaultConfig, type KumactlConfig } from './config/config.ts';
import { findActive } from './config/contexts.ts';
import { defaultConfigPath, loadConfigFile } from './config/file.ts';
import type { CliContext } from './context.ts';
import { CliError } from './errors.ts';

/** `2.14`: today's tables and names. `0.1`: those of the first release. */
export type Compat = '0.1' | '2.14';

/** Flags of the root command as commander leaves them. */
export interface GlobalOptions {
  readonly configFile?: string;
  readonly context?: string;
  /** False with `--no-config`. */
  readonly config: boolean;
  readonly apiTimeout: string;
  readonly logLevel: string;
  readonly compat?: string;
  readonly mesh?: string;
}

/** The root's flags, checked, with the configuration they point to. */
export interface Settings {
  readonly config: KumactlConfig;
  /** Context to use; '' when none is chosen. */
  readonly contextName: string;
  /** From `--mesh`, else the context's, else `default`. */
  readonly mesh: string;
  readonly compat: Compat;
  /** Of each request. */
  readonly timeoutMs: number;
  readonly debug: boolean;
}

/** What a command that talks to a control plane works with. */
export interface Session {
  readonly context: CliContext;
  readonly compat: Compat;
  readonly mesh: string;
  readonly client: ControlPlaneClient;
}

export async function loadSettings(context: CliContext, globals: GlobalOptions): Promise<Settings> {
  const compat = readCompat(context, globals);
  const timeoutMs = parseTimeout(globals.apiTimeout);
  const debug = parseLogLevel(globals.logLevel) === 'debug';
  const config = await readConfig(context, globals);
  const contextName = globals.context ?? config.currentContext;
  const defaults = config.contexts.find(({ name }) => name === contextName)?.defaults;
  return {
    config,
    contextName,
    mesh: globals.mesh ?? (defaults?.mesh || 'default'),
    compat,
    timeoutMs,
    debug,
  };
}

/**
 * Runs a command against the active control plane. The versions are compared meanwhile, so that the check costs no
 * time; its warning is left out when the command itself says that the control plane cannot be reached.
 */
export async function withControlPlane(
  context: CliContext,
  settings: Settings,
  run: (session: Session) => Promise<void>,
): Promise<void> {
  const { config, contextName, mesh, compat, timeoutMs } = settings;
  const { controlPlane } = findActive(config, contextName);
  const debug = settings.debug ? (line: string) => context.stderr.write(`DEBUG ${line}\n`) : undefined;
  const stop = new AbortController();
  const { name, coordinates } = controlPlane;
  const client = await connect(context, {
    name,
    server: coordinates.apiServer,
    timeoutMs,
    debug,
    signal: stop.signal,
  });
  const check = checkVersion(client, timeoutMs);
  try {
    await run({ context, compat, mesh, client });
  } catch (error) {
    if (error instanceof CliError && error.code === 'unreachable') stop.abort();
    else warnIfAny(context, await check);
    throw error;
  }
  warnIfAny(context, await check);
}

/** The configuration in effect: the file, or with `--no-config` the local control plane alone. */
export async function readConfig(context: CliContext, globals: GlobalOptions): Promise<KumactlConfig> {
  if (!globals.config) return defaultConfig;
  return await loadConfigFile(configPath(context, globals), (line) =>
    context.stderr.write(`WARNING: ${line}\n`),
  );
}

/** The file that is read and changed. */
export function configPath(context: CliContext, { configFile, config }: GlobalOptions): string {
  if (!config) throw new CliError('usage', 'the configuration cannot be changed with --no-config');
  return configFile === undefined ? defaultConfigPath(context.homeDir) : resolve(context.workDir, configFile);
}

export function parseTimeout(text: string): number {
  const ms = parseDuration(text);
  // Node's timers end at 2³¹-1 ms.
  if (ms !== undefined && ms >= 1 && ms <= 2_147_483_647) return Math.round(ms);
  throw new CliError(
    'usage',
    `--api-timeout is "${text}", but must be a duration such as 30s or 1m, longer than 0`,
  );
}

/** `--compat`, else `KUMACTL_COMPAT`, else today's. */
function readCompat({ env }: CliContext, { compat }: GlobalOptions): Compat {
  const value = compat ?? (env.KUMACTL_COMPAT || '2.14');
  if (value === '0.1' || value === '2.14') return value;
  const origin = compat === undefined ? 'KUMACTL_COMPAT' : '--compat';
  throw new CliError('usage', `${origin} is "${value}", but must be 0.1 or 2.14`);
}

function parseLogLevel(text: string): 'off' | 'info' | 'debug' {
  if (text === 'off' || text === 'info' || text === 'debug') return text;
  throw new CliError('usage', `--log-level is "${text}", but must be off, info or debug`);
}

function warnIfAny({ stderr }: CliContext, warning: string | undefined): void {
  if (warning !== undefined) stderr.write(`${warning}\n`);
}
