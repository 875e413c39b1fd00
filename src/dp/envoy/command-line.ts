import type { EnvoyOptions } from '../config/agent-config.ts';

export interface CommandLineFacts {
  readonly bootstrapPath: string;
  readonly options: EnvoyOptions;
  readonly logFormat: 'text' | 'json';
  /** `1.40.0`, '' when not known. */
  readonly version: string;
}

/**
 * Envoy's own lines as JSON objects of the same shape as the agent's. Envoy prints local time, so it runs with TZ=UTC;
 * `%j` is the message with JSON escapes.
 */
const JSON_FORMAT =
  '{"level":"%l","logger":"envoy.%n","time":"%Y-%m-%dT%T.%eZ","source":"%g:%#","message":"%j"}';

/**
 * Arguments to serve. Hot restart is off: it keeps shared memory and abstract sockets that clash between Envoys of
 * one host. With the immediate strategy every draining connection is told to close at once, not at random.
 */
export function serveArguments({
  bootstrapPath,
  options,
  logFormat,
  version,
}: CommandLineFacts): readonly string[] {
  return [
    ...['--config-path', bootstrapPath],
    '--disable-hot-restart',
    ...['--drain-strategy', 'immediate'],
    ...['--drain-time-s', String(Math.max(1, Math.ceil(options.drainTimeMs / 1000)))],
    ...['--log-level', options.logLevel],
    ...(options.componentLogLevel === '' ? [] : ['--component-log-level', options.componentLogLevel]),
    ...workers(options.concurrency, version),
    ...(logFormat === 'json' ? ['--log-format', JSON_FORMAT] : []),
  ];
}

/** From 1.40 on, Envoy counts the CPUs it may use by itself and warns of the flag. */
function workers(concurrency: number, version: string): readonly string[] {
  if (concurrency > 0) return ['--concurrency', String(concurrency)];
  return Number(version.split('.')[1] ?? 0) >= 40 ? [] : ['--cpuset-threads'];
}

/** Arguments to check a bootstrap and exit; takes about 50 ms. Ports in use and dynamic files are not looked at. */
export function validateArguments(bootstrapPath: string): readonly string[] {
  return [
    '--config-path',
    bootstrapPath,
    '--mode',
    'validate',
    '--disable-hot-restart',
    '--log-level',
    'error',
  ];
}
