import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { CliError } from '../errors.ts';

/** How to reach and greet a control plane; names and nesting are those of Kuma's own file. */
export interface ApiServer {
  readonly url: string;
  readonly caCertFile?: string;
  readonly clientCertFile?: string;
  readonly clientKeyFile?: string;
  readonly headers?: readonly { readonly key: string; readonly value: string }[];
  /** Only `tokens`, with `authConf.token`. */
  readonly authType?: string;
  readonly authConf?: Readonly<Record<string, string>>;
  readonly skipVerify?: boolean;
}

export interface ControlPlane {
  readonly name: string;
  readonly coordinates: { readonly apiServer: ApiServer };
}

export interface ConfigContext {
  readonly name: string;
  readonly controlPlane: string;
  readonly defaults?: { readonly mesh?: string };
}

export interface KumactlConfig {
  readonly controlPlanes: readonly ControlPlane[];
  readonly contexts: readonly ConfigContext[];
  /** '' when no control plane is active. */
  readonly currentContext: string;
}

/** What a fresh installation starts with: the control plane on this machine. */
export const defaultConfig: KumactlConfig = Object.freeze({
  controlPlanes: [{ name: 'local', coordinates: { apiServer: { url: 'http://localhost:5681' } } }],
  contexts: [{ name: 'local', controlPlane: 'local' }],
  currentContext: 'local',
});

/**
 * Checks what is used and keeps what is not known, so that a file shared with another kumactl loses nothing when
 * it is written back. `from` names the file in messages.
 */
export function parseConfig(value: unknown, from: string): KumactlConfig {
  if (value === null || value === undefined) return { controlPlanes: [], contexts: [], currentContext: '' };
  const fail = (field: string, expected: string) =>
    new CliError(
      'config',
      `configuration file ${from}: ${field} must be ${expected}; correct it or delete the file to start anew`,
    );
  if (!isJsonObject(value)) throw fail('the document', 'a map');
  const list = (field: 'controlPlanes' | 'contexts'): readonly JsonObject[] => {
    const entries = value[field] ?? [];
    if (!Array.isArray(entries) || !entries.every(isJsonObject)) throw fail(field, 'a list of maps');
    return entries;
  };
  list('controlPlanes').forEach((entry, i) => {
    const server = isJsonObject(entry.coordinates) ? entry.coordinates.apiServer : undefined;
    if (typeof entry.name !== 'string') throw fail(`controlPlanes[${i}].name`, 'a text');
    if (!isJsonObject(server)) throw fail(`controlPlanes[${i}].coordinates.apiServer`, 'a map');
    const wrong = checkApiServer(server);
    if (wrong !== undefined) throw fail(`controlPlanes[${i}].coordinates.apiServer.${wrong[0]}`, wrong[1]);
  });
  list('contexts').forEach((entry, i) => {
    if (typeof entry.name !== 'string') throw fail(`contexts[${i}].name`, 'a text');
    if (typeof entry.controlPlane !== 'string') throw fail(`contexts[${i}].controlPlane`, 'a text');
    if (isJsonObject(entry.defaults) && !isTextOrAbsent(entry.defaults.mesh))
      throw fail(`contexts[${i}].defaults.mesh`, 'a text');
  });
  if (!isTextOrAbsent(value.currentContext)) throw fail('currentContext', 'a text');
  const checked = {
    controlPlanes: list('controlPlanes'),
    contexts: list('contexts'),
    currentContext: value.currentContext ?? '',
  };
  return { ...value, ...checked } as unknown as KumactlConfig;
}

function checkApiServer(server: JsonObject): [field: string, expected: string] | undefined {
  if (typeof server.url !== 'string') return ['url', 'a text'];
  for (const field of ['caCertFile', 'clientCertFile', 'clientKeyFile', 'authType']) {
    if (!isTextOrAbsent(server[field])) return [field, 'a text'];
  }
  if (server.skipVerify !== undefined && typeof server.skipVerify !== 'boolean')
    return ['skipVerify', 'true or false'];
  const headers = server.headers ?? [];
  const isHeader = (h: unknown) =>
    isJsonObject(h) && typeof h.key === 'string' && typeof h.value === 'string';
  if (!Array.isArray(headers) || !headers.every(isHeader)) return ['headers', 'a list of {key, value}'];
  const conf = server.authConf ?? {};
  if (!isJsonObject(conf) || !Object.values(conf).every((v) => typeof v === 'string'))
    return ['authConf', 'a map of texts'];
  return undefined;
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string';
}
