import type { BootstrapRequest } from '../../bootstrap/contract.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';

/**
 * Reads a request of either form. Fields of a wrong type count as absent, since the real control plane ignores what it
 * does not know, except `mesh` and `name`: undefined when the text is no JSON object that has both.
 */
export function parseBootstrapRequest(text: string): BootstrapRequest | undefined {
  const body = parseObject(text);
  if (body === undefined || typeof body.mesh !== 'string' || typeof body.name !== 'string') return undefined;
  const metadata = isJsonObject(body.dynamicMetadata) ? stringsOf(body.dynamicMetadata) : undefined;
  return {
    mesh: body.mesh,
    name: body.name,
    ...text1(body, 'proxyType'),
    ...text1(body, 'dataplaneToken'),
    ...text1(body, 'dataplaneTokenPath'),
    ...text1(body, 'dataplaneResource'),
    ...text1(body, 'caCert'),
    ...text1(body, 'operatingSystem'),
    ...text1(body, 'workdir'),
    ...text1(body, 'systemCaPath'),
    ...port(body, 'adminPort'),
    ...port(body, 'readinessPort'),
    ...(Array.isArray(body.features) ? { features: body.features.filter((f) => typeof f === 'string') } : {}),
    ...(isJsonObject(body.version) ? { version: toVersion(body.version) } : {}),
    ...(metadata === undefined ? {} : { dynamicMetadata: metadata }),
    ...(typeof body.ipv6Enabled === 'boolean' ? { ipv6Enabled: body.ipv6Enabled } : {}),
  };
}

export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function text1<K extends keyof BootstrapRequest>(body: JsonObject, key: K): { [P in K]?: string } {
  const value = body[key];
  return typeof value === 'string' && value !== '' ? ({ [key]: value } as { [P in K]?: string }) : {};
}

function port<K extends 'adminPort' | 'readinessPort'>(body: JsonObject, key: K): { [P in K]?: number } {
  const value = body[key];
  const valid = typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65535;
  return valid ? ({ [key]: value } as { [P in K]?: number }) : {};
}

function stringsOf(map: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(map).filter((e): e is [string, string] => typeof e[1] === 'string'),
  );
}

/** The `version` field of a request or of a node's metadata; undefined when there is none. */
export function parseBootstrapVersion(value: unknown): BootstrapRequest['version'] {
  return isJsonObject(value) ? toVersion(value) : undefined;
}

/** Every leaf is there and is of its type, whatever was sent: later readers need no guard. */
function toVersion(version: JsonObject): NonNullable<BootstrapRequest['version']> {
  const of = (part: unknown, key: string): string => {
    const value = isJsonObject(part) ? part[key] : undefined;
    return typeof value === 'string' ? value.slice(0, 200) : '';
  };
  const { kumaDp, envoy } = version;
  return {
    kumaDp: {
      version: of(kumaDp, 'version'),
      gitTag: of(kumaDp, 'gitTag'),
      gitCommit: of(kumaDp, 'gitCommit'),
      buildDate: of(kumaDp, 'buildDate'),
    },
    envoy: {
      version: of(envoy, 'version'),
      build: of(envoy, 'build'),
      kumaDpCompatible: isJsonObject(envoy) && envoy.kumaDpCompatible === true,
    },
  };
}
