import { runCommand } from '../../lib/command.ts';
import { AgentError } from '../agent-error.ts';

/** What `envoy --version` tells. */
export interface EnvoyVersion {
  /** `1.40.0`; '' where a build prints something else. */
  readonly version: string;
  /** Text after "version:", sent to the control plane as it is. */
  readonly build: string;
  /** One of the five newest minor versions. Others run too, with a warning. */
  readonly supported: boolean;
}

const OLDEST_SUPPORTED_MINOR = 36;
const NEWEST_SUPPORTED_MINOR = 40;
/** A first start from a cold page cache was measured to take over 4 s. */
const TIMEOUT_MS = 20_000;

export function parseEnvoyVersion(output: string): EnvoyVersion {
  const build = /version:\s*(\S+)/.exec(output)?.[1] ?? '';
  const [version = '', , minor = ''] =
    /(?:^|\/)v?((\d+)\.(\d+)\.\d+)(?=$|[/\-+])/.exec(build)?.slice(1) ?? [];
  const supported =
    version.startsWith('1.') &&
    Number(minor) >= OLDEST_SUPPORTED_MINOR &&
    Number(minor) <= NEWEST_SUPPORTED_MINOR;
  return { version, build, supported };
}

/** Asks the binary; throws AgentError `envoy-unusable` when it does not run here. */
export async function readEnvoyVersion(path: string, signal: AbortSignal): Promise<EnvoyVersion> {
  const { ok, stdout, stderr, problem } = await runCommand(path, ['--version'], {
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  signal.throwIfAborted();
  const output = `${stdout}\n${stderr}`;
  if (!ok || !/envoy/i.test(output)) {
    const said = stderr.trim().split('\n').at(-1) ?? '';
    throw new AgentError(
      'envoy-unusable',
      `${path} does not run as an Envoy: ${problem || 'unknown output of --version'}${said === '' ? '' : `: ${said.slice(0, 300)}`}`,
    );
  }
  return parseEnvoyVersion(output);
}
