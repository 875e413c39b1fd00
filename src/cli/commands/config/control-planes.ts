import { resolve } from 'node:path';
import { parseVariables } from '../../apply/template.ts';
import { connect, parseServerUrl } from '../../client/connect.ts';
import { readProduct } from '../../client/version-check.ts';
import type { ApiServer, ControlPlane, KumactlConfig } from '../../config/config.ts';
import { addControlPlane, removeControlPlane, switchControlPlane } from '../../config/contexts.ts';
import { saveConfigFile } from '../../config/file.ts';
import type { CliContext } from '../../context.ts';
import { CliError, messageOf } from '../../errors.ts';
import { formatTable } from '../../output/table.ts';
import { configPath, type GlobalOptions, parseTimeout, readConfig } from '../../session.ts';

/** Flags of `kumactl config control-planes add`. */
export interface AddOptions {
  readonly name: string;
  readonly address: string;
  readonly overwrite?: boolean;
  readonly caCertFile?: string;
  readonly clientCertFile?: string;
  readonly clientKeyFile?: string;
  readonly skipVerify?: boolean;
  readonly headers?: readonly string[];
  readonly authType?: string;
  readonly authConf?: readonly string[];
  readonly skipCheck?: boolean;
}

/** Adds a control plane and makes it the active one, after it answered as Kuma. */
export async function addToConfig(
  context: CliContext,
  globals: GlobalOptions,
  options: AddOptions,
): Promise<void> {
  if (options.name === '') throw new CliError('usage', '--name cannot be empty');
  const controlPlane: ControlPlane = {
    name: options.name,
    coordinates: { apiServer: toApiServer(context, options) },
  };
  const changed = addControlPlane(
    await readConfig(context, globals),
    controlPlane,
    options.overwrite === true,
  );
  const server = controlPlane.coordinates.apiServer;
  // Made in any case: it reads the files and checks the address.
  const client = await connect(context, {
    name: options.name,
    server,
    timeoutMs: parseTimeout(globals.apiTimeout),
  });
  if (options.skipCheck !== true) {
    try {
      readProduct(await client.index());
    } catch (cause) {
      throw new CliError(
        'unreachable',
        `${messageOf(cause)}; nothing was added (--skip-check adds it unseen)`,
        { cause },
      );
    }
  }
  await saveConfigFile(configPath(context, globals), changed);
  context.stdout.write(
    `added Control Plane "${options.name}"\nswitched active Control Plane to "${options.name}"\n`,
  );
}

export async function removeFromConfig(
  context: CliContext,
  globals: GlobalOptions,
  name: string,
): Promise<void> {
  const config = await readConfig(context, globals);
  const changed = removeControlPlane(config, name);
  await saveConfigFile(configPath(context, globals), changed);
  context.stdout.write(`removed Control Plane "${name}"\n`);
  if (changed.currentContext === config.currentContext) return;
  const active = activeName(changed);
  context.stdout.write(
    active === undefined
      ? 'no Control Plane is active now\n'
      : `switched active Control Plane to "${active}"\n`,
  );
}

export async function switchInConfig(
  context: CliContext,
  globals: GlobalOptions,
  name: string,
): Promise<void> {
  await saveConfigFile(
    configPath(context, globals),
    switchControlPlane(await readConfig(context, globals), name),
  );
  context.stdout.write(`switched active Control Plane to "${name}"\n`);
}

export function listControlPlanes(context: CliContext, config: KumactlConfig): void {
  const active = activeName(config);
  const headers = ['ACTIVE', 'NAME', 'ADDRESS'];
  const row = ({ name, coordinates }: ControlPlane) => [
    name === active ? '*' : '',
    name,
    coordinates.apiServer.url,
  ];
  context.stdout.write(formatTable({ headers, row }, config.controlPlanes, context.now()));
}

function activeName({ contexts, currentContext }: KumactlConfig): string | undefined {
  return contexts.find((c) => c.name === currentContext)?.controlPlane;
}

function toApiServer({ workDir }: CliContext, options: AddOptions): ApiServer {
  parseServerUrl(options.address);
  const { caCertFile, clientCertFile, clientKeyFile, authType } = options;
  if ((clientCertFile === undefined) !== (clientKeyFile === undefined)) {
    throw new CliError('usage', '--client-cert-file and --client-key-file are only of use together');
  }
  const headers = [...parseVariables(options.headers ?? [], '--headers')].map(([key, value]) => ({
    key,
    value,
  }));
  const authConf = Object.fromEntries(parseVariables(options.authConf ?? [], '--auth-conf'));
  // Absolute, for the file is used from other directories than this one.
  const file = (path: string) => resolve(workDir, path);
  return {
    url: options.address,
    ...(caCertFile === undefined ? {} : { caCertFile: file(caCertFile) }),
    ...(clientCertFile === undefined ? {} : { clientCertFile: file(clientCertFile) }),
    ...(clientKeyFile === undefined ? {} : { clientKeyFile: file(clientKeyFile) }),
    ...(headers.length === 0 ? {} : { headers }),
    ...(authType === undefined ? {} : { authType, authConf }),
    ...(options.skipVerify === true ? { skipVerify: true } : {}),
  };
}
