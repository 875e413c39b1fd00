import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buildInfo } from '../../lib/build-info.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { ApiServer } from '../config/config.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { type ControlPlaneClient, createControlPlaneClient } from './control-plane-client.ts';
import type { TlsOptions } from './http.ts';

export interface ConnectOptions {
  /** The control plane's name, for messages. */
  readonly name: string;
  readonly server: ApiServer;
  readonly timeoutMs: number;
  readonly debug?: ((line: string) => void) | undefined;
  /** Ends what is under way, when nobody waits for it any more. */
  readonly signal?: AbortSignal;
}

/** A client from a configuration entry: reads its PEM files, and says loudly when certificates are not checked. */
export async function connect(
  context: CliContext,
  { name, server, timeoutMs, debug, signal }: ConnectOptions,
): Promise<ControlPlaneClient> {
  const baseUrl = parseServerUrl(server.url);
  const tls = await readTls(context, server);
  if (server.skipVerify === true && baseUrl.protocol === 'https:') {
    context.stderr.write(
      `WARNING: the certificate of control plane "${name}" is NOT verified (skipVerify): anybody on the way can read and change what is sent. Give its CA with --ca-cert-file instead.\n`,
    );
  }
  const headers = {
    'user-agent': `kumactl/${buildInfo.version} (${process.platform}; ${process.arch})`,
    ...Object.fromEntries((server.headers ?? []).map(({ key, value }) => [key.toLowerCase(), value])),
    ...readAuthorization(name, server, baseUrl),
  };
  return createControlPlaneClient({
    name,
    baseUrl,
    headers,
    tls,
    timeoutMs,
    send: context.send,
    debug,
    signal,
  });
}

/** Only http and https, no user and password inside. */
export function parseServerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CliError(
      'config',
      `control plane address "${text}" is not a URL such as http://localhost:5681 or https://localhost:5682`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new CliError(
      'config',
      'control plane address must not hold a user or password; use --auth-type tokens or --headers',
    );
  }
  return url;
}

async function readTls(
  context: CliContext,
  { caCertFile, clientCertFile, clientKeyFile, skipVerify }: ApiServer,
): Promise<TlsOptions> {
  const read = async (path: string) =>
    await readFile(resolve(context.workDir, path), 'utf8').catch((cause: unknown) => {
      throw new CliError('config', `cannot read certificate or key file ${path}: ${describeError(cause)}`, {
        cause,
      });
    });
  return {
    ...(isSet(caCertFile) ? { ca: await read(caCertFile) } : {}),
    ...(isSet(clientCertFile) ? { cert: await read(clientCertFile) } : {}),
    ...(isSet(clientKeyFile) ? { key: await read(clientKeyFile) } : {}),
    ...(skipVerify === true ? { skipVerify } : {}),
  };
}

/** A token goes over TLS or to this machine, never in the clear over a network. */
function readAuthorization(
  name: string,
  { authType, authConf }: ApiServer,
  url: URL,
): Record<string, string> {
  if (!isSet(authType)) return {};
  if (authType !== 'tokens')
    throw new CliError(
      'config',
      `control plane "${name}": authType "${authType}" is not known; the only one is tokens`,
    );
  const token = authConf?.token;
  if (!isSet(token))
    throw new CliError('config', `control plane "${name}": authType tokens needs authConf.token`);
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new CliError(
      'insecure',
      `control plane "${name}": a token is not sent in the clear to ${url.origin}; use its https:// address`,
    );
  }
  return { authorization: `Bearer ${token}` };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

function isSet(text: string | undefined | null): text is string {
  return text !== undefined && text !== null && text !== '';
}
