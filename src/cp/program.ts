import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Command, CommanderError } from 'commander';
import { buildInfo } from '../lib/build-info.ts';
import { CodedError, describeError } from '../lib/coded-error.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Logger } from '../lib/logger.ts';
import { createLogger } from '../logging/create-logger.ts';
import type { ControlPlaneConfig } from './config/config.ts';
import { loadControlPlaneConfig } from './config/load.ts';
import { startControlPlane } from './control-plane.ts';

/** The outside of kuma-cp: what its `main` hands in. */
export interface ProgramIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal;
}

/** Runs kuma-cp; resolves to the exit code: 0, 1 on a failure while running, 2 on wrong usage or configuration. */
export async function runKumaCp(argv: readonly string[], io: ProgramIo): Promise<number> {
  let exitCode = 0;
  const program = new Command('kuma-cp')
    .description(
      'Control plane of the mesh: stores meshes, data plane proxies and policies, serves xDS to Envoy.',
    )
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .showHelpAfterError('(kuma-cp --help lists commands, kuma-cp COMMAND --help its flags)');
  program
    .command('run')
    .description(
      'Start the control plane. Needs no configuration: keeps its state in ~/.kuma, listens on loopback.',
    )
    .option(
      '-c, --config-file <file>',
      'YAML configuration; KUMA_* variables overrule it (docs/configuration.md lists both)',
    )
    .option('--log-level <level>', 'off, error, warn, info or debug (default: info)')
    .option('--log-format <format>', 'text or json (default: text)')
    .action(async (flags: RunFlags) => {
      exitCode = await run(flags, io);
    });
  program
    .command('version')
    .description('Print the version.')
    .option('-a, --detailed', 'with commit and build date')
    .action(({ detailed }: { detailed?: boolean }) => io.out(versionText(detailed === true)));
  try {
    await program.parseAsync(argv as string[], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  return exitCode;
}

interface RunFlags {
  readonly configFile?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
}

async function run(flags: RunFlags, io: ProgramIo): Promise<number> {
  const loaded = loadControlPlaneConfig({
    argvConfigPath: flags.configFile,
    env: io.env,
    readFile: (path) => readFileSync(path, 'utf8'),
    flags: { logLevel: flags.logLevel, logFormat: flags.logFormat },
  });
  if (loaded.config === undefined) {
    for (const { field, message } of loaded.violations)
      io.err(`Error: ${field === '' ? '' : `${field}: `}${message}\n`);
    return 2;
  }
  const logger = createLogger('kuma-cp', { ...loaded.config.log, write: io.err });
  for (const warning of loaded.warnings) logger.warn({}, warning);
  logger.info({ config: loaded.described }, `kuma-cp ${buildInfo.version}: effective configuration`);
  return serve(loaded.config, loaded.described, { logger, io });
}

async function serve(
  config: ControlPlaneConfig,
  described: JsonObject,
  { logger, io }: { logger: Logger; io: ProgramIo },
): Promise<number> {
  try {
    const controlPlane = await startControlPlane({ config, described, logger, hostname: hostname() });
    await new Promise<void>((resolve) => {
      if (io.stop.aborted) resolve();
      io.stop.addEventListener('abort', () => resolve(), { once: true });
    });
    logger.info({}, 'stopping');
    await controlPlane.stop();
    logger.info({}, 'stopped');
    return 0;
  } catch (error) {
    logger.error(
      error instanceof CodedError ? { code: error.code } : {},
      `control plane ended: ${describeError(error)}`,
    );
    return 1;
  }
}

function versionText(detailed: boolean): string {
  const { version, gitTag, gitCommit, buildDate } = buildInfo;
  if (!detailed) return `kuma-cp ${version}\n`;
  return `Product:    kuma-universal\nVersion:    ${version}\nGit Tag:    ${gitTag}\nGit Commit: ${gitCommit}\nBuild Date: ${buildDate}\n`;
}
