import type { EnvoyOptions } from '../config/agent-config.ts';

export interface CommandLineFacts {
  readonly bootstrapPath: string;
  readonly options: EnvoyOptions;
  readonly logFormat: 'text' | 'json';
  /** `1.40.0`, '' when not known. */
  readonly version: string;
  /** Workers, where it is known how many the Envoy before had; else the option decides. */
  readonly concurrency?: number | undefined;
  /** Undefined: hot restart is off. */
  readonly hotRestart?: HotRestartFacts | undefined;
}

/** How this Envoy finds the epoch before it and is found by the one after. */
export interface HotRestartFacts {
  readonly baseId: number;
  readonly epoch: number;
  readonly socketPath: string;
  /** When its parent ends; it is the child's value that counts. */
  readonly parentShutdownMs: number;
  readonly mayLackParent: boolean;
}

/**
 * Envoy's own lines as JSON objects of the same shape as the agent's. Envoy prints local time, so it runs with TZ=UTC;
 * `%j` is the message with JSON escapes.
 */
const JSON_FORMAT =
  '{"level":"%l","logger":"envoy.%n","time":"%Y-%m-%dT%T.%eZ","source":"%g:%#","message":"%j"}';

/**
 * Arguments to serve. With the immediate strategy every draining connection is told to close at once, not at random;
 * the drain time is that of a parent, and of a listener that is taken away.
 */
export function serveArguments({
  bootstrapPath,
  options,
  logFormat,
  version,
  concurrency = options.concurrency,
  hotRestart,
}: CommandLineFacts): readonly string[] {
  return [
    ...['--config-path', bootstrapPath],
    ...(hotRestart === undefined ? ['--disable-hot-restart'] : epochArguments(hotRestart)),
    ...['--drain-strategy', 'immediate'],
    ...['--drain-time-s', String(Math.max(1, Math.ceil(options.drainTimeMs / 1000)))],
    ...['--log-level', options.logLevel],
    ...(options.componentLogLevel === '' ? [] : ['--component-log-level', options.componentLogLevel]),
    ...workers(concurrency, version),
    ...(logFormat === 'json' ? ['--log-format', JSON_FORMAT] : []),
  ];
}

/** Sockets with paths, in a private directory: abstract ones would be open to every user of the host. */
function epochArguments(facts: HotRestartFacts): readonly string[] {
  const { baseId, epoch, socketPath, parentShutdownMs, mayLackParent } = facts;
  return [
    ...['--base-id', String(baseId)],
    ...['--restart-epoch', String(epoch)],
    ...['--socket-path', socketPath, '--socket-mode', '600'],
    ...['--parent-shutdown-time-s', String(Math.max(1, Math.ceil(parentShutdownMs / 1000)))],
    ...(mayLackParent ? ['--skip-hot-restart-on-no-parent'] : []),
  ];
}

/** From 1.40 on, Envoy counts the CPUs it may use by itself and warns of the flag. */
function workers(concurrency: number, version: string): readonly string[] {
  if (concurrency > 0) return ['--concurrency', String(concurrency)];
  return Number(version.split('.')[1] ?? 0) >= 40 ? [] : ['--cpuset-threads'];
}

/**
 * Arguments to check a bootstrap and exit; takes about 50 ms. Ports in use and dynamic files are not looked at. With
 * `state`, a binary bootstrap of its own, the two are merged: `bootstrap` is then the text, which goes on the command
 * line, since Envoy merges a file and a text but not two files.
 */
export function validateArguments(
  check: { readonly path: string } | { readonly statePath: string; readonly text: string },
): readonly string[] {
  return [
    ...('path' in check
      ? ['--config-path', check.path]
      : ['--config-path', check.statePath, '--config-yaml', check.text]),
    '--mode',
    'validate',
    '--disable-hot-restart',
    '--log-level',
    'error',
  ];
}
