import { parseArgs } from 'node:util';
import type { Environment } from './environment.ts';

export const USAGE = `usage: bookinfo SERVICE --port PORT [--bind ADDRESS]

SERVICE is ratings, details, reviews or productpage; with a version, such as reviews-v2, it takes that version's
settings: reviews-v1 shows no stars, reviews-v2 black ones, reviews-v3 red ones.

Where the others are found: {RATINGS,DETAILS,REVIEWS}_HOSTNAME and _SERVICE_PORT (or _PORT). More: README.md.
`;

const SERVICES = ['ratings', 'details', 'reviews', 'productpage'] as const;
export type ServiceName = (typeof SERVICES)[number];

export interface Command {
  readonly service: ServiceName;
  readonly port: number;
  readonly bind: string;
  /** The caller's environment over the defaults of the version asked for. */
  readonly env: Environment;
}

const REVIEWS_VERSIONS: Readonly<Record<string, Environment>> = {
  v1: { ENABLE_RATINGS: 'false' },
  v2: { ENABLE_RATINGS: 'true', STAR_COLOR: 'black' },
  v3: { ENABLE_RATINGS: 'true', STAR_COLOR: 'red' },
};

/** Fails with a message for people. */
export function parseCommand(args: readonly string[], env: Environment): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { port: { type: 'string', default: '9080' }, bind: { type: 'string', default: '127.0.0.1' } },
  });
  const [instance = '', ...rest] = positionals;
  if (rest.length > 0) throw new Error(`only one service can be started, got ${positionals.join(', ')}`);
  const [, name, version] = /^([a-z]+)(?:-(.+))?$/.exec(instance) ?? [];
  const service = SERVICES.find((known) => known === name);
  if (service === undefined)
    throw new Error(`the service must be one of ${SERVICES.join(', ')}, got "${instance}"`);
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535) {
    throw new Error(`--port must be between 0 and 65535, got "${values.port}"`);
  }
  const defaults = version === undefined ? {} : versionDefaults(service, version);
  return {
    service,
    port: Number(values.port),
    bind: values.bind,
    env: { ...defaults, ...withoutEmpty(env) },
  };
}

function versionDefaults(service: ServiceName, version: string): Environment {
  // The name stands for the pod's: the page shows it as the one who served the reviews.
  const name = { POD_NAME: `${service}-${version}` };
  if (service === 'ratings') return { ...name, SERVICE_VERSION: version };
  if (service !== 'reviews') return name;
  const found = REVIEWS_VERSIONS[version];
  if (found === undefined)
    throw new Error(`reviews has versions ${Object.keys(REVIEWS_VERSIONS).join(', ')}, got "${version}"`);
  return { ...name, ...found };
}

function withoutEmpty(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}
