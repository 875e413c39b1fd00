import type { Clock } from '../lib/clock.ts';
import type { JsonObject } from '../lib/json.ts';
import type { LogSink } from '../lib/log-sink.ts';
import type { Logger } from '../lib/logger.ts';
import type { AdminPlace } from './admin-place.ts';
import { AgentError } from './agent-error.ts';
import { readExpectations } from './bootstrap/overlay.ts';
import type { AgentConfig } from './config/agent-config.ts';
import { createAdminClient } from './envoy/admin-client.ts';
import { checkAdminPort } from './envoy/admin-port.ts';
import { serveArguments } from './envoy/command-line.ts';
import { drainEnvoy } from './envoy/drain.ts';
import type { Launcher } from './envoy/launcher.ts';
import { createLineSplitter, formatLine, tellsRejection } from './envoy/output.ts';
import { type EnvoyProcess, startEnvoy } from './envoy/process.ts';
import { validateBootstrap } from './envoy/validate.ts';
import type { EnvoyVersion } from './envoy/version.ts';
import { type Monitor, startMonitor } from './readiness/monitor.ts';
import type { Instance } from './run-dir/instance.ts';
import type { EnvoyControl } from './supervisor.ts';

export interface ControlParts {
  readonly config: AgentConfig;
  readonly logger: Logger;
  readonly sink: LogSink;
  readonly clock: Clock;
  readonly instance: Instance;
  readonly binary: string;
  readonly version: EnvoyVersion;
  readonly launcher: Launcher;
  readonly place: AdminPlace;
  readonly bootstrap: JsonObject;
  /** Told what the running Envoy still lacks. */
  readonly onWaiting: (waitingFor: readonly string[]) => void;
  /** Announces the stop to the control plane; whether it was understood. */
  readonly leave: () => Promise<boolean>;
}

/** Ties the parts that deal with a real Envoy together for the supervisor. */
export function createEnvoyControl(parts: ControlParts): EnvoyControl {
  const { config, logger, clock, instance, binary, launcher, place } = parts;
  let monitor: Monitor | undefined;
  let refusal = '';
  const onRefusal = (line: string) => {
    refusal = line.slice(-500);
    monitor?.nudge();
  };
  return {
    check: (signal) => checkStart(parts, signal),
    start() {
      refusal = '';
      const args = serveArguments({
        bootstrapPath: instance.paths.bootstrap,
        options: config.envoy,
        logFormat: config.log.format,
        version: parts.version.version,
      });
      const output = passOn(parts, onRefusal);
      const envoy = startEnvoy({ launcher, binary, args, clock, onOutput: output.push });
      void envoy.exited.then(output.flush);
      if (envoy.pid > 0) instance.recordEnvoy(envoy.pid);
      return envoy;
    },
    watch(_envoy: EnvoyProcess, onChange) {
      monitor = startMonitor({
        admin: createAdminClient(place),
        expects: readExpectations(parts.bootstrap),
        clock,
        onChange: (readiness) => {
          parts.onWaiting(readiness.waitingFor);
          onChange(readiness);
        },
      });
      return monitor;
    },
    lastRefusal: () => refusal,
    async drain(hurry) {
      const understood = await parts.leave();
      logger.info({ understood }, 'announced the leave to the control plane');
      if (hurry.aborted) return;
      const admin = createAdminClient(place);
      try {
        await drainEnvoy({ admin, drainTimeMs: config.envoy.drainTimeMs, hurry, logger });
      } finally {
        admin.close();
      }
    },
  };
}

async function checkStart(
  { config, binary, instance }: ControlParts,
  signal: AbortSignal,
): Promise<AgentError | undefined> {
  try {
    await checkAdminPort(config.envoy.adminPort);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  const problem = await validateBootstrap(binary, instance.paths.bootstrap, signal);
  return problem === undefined
    ? undefined
    : new AgentError('envoy-config-invalid', `Envoy refuses its bootstrap: ${problem}`);
}

/** Standard output and error apart: a line of one must not end up inside a line of the other. */
function passOn({ config, sink }: ControlParts, onRefusal: (line: string) => void) {
  const onLine = (line: string) => {
    if (tellsRejection(line)) onRefusal(line);
    const text = formatLine(line, config.log.format, () => new Date());
    if (text !== undefined) sink.write(text);
  };
  const splitters = { stdout: createLineSplitter(onLine), stderr: createLineSplitter(onLine) };
  return {
    push: (stream: 'stdout' | 'stderr', chunk: Buffer) => splitters[stream].push(chunk),
    flush: () => {
      splitters.stdout.flush();
      splitters.stderr.flush();
    },
  };
}
