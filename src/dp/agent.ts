import { buildInfo } from '../lib/build-info.ts';
import type { Clock } from '../lib/clock.ts';
import type { JsonObject } from '../lib/json.ts';
import type { LogSink } from '../lib/log-sink.ts';
import type { Logger } from '../lib/logger.ts';
import { writePrivateFile } from '../lib/private-file.ts';
import type { StopRequest } from '../lib/stop-signals.ts';
import type { AdminPlace } from './admin-place.ts';
import { announceLeave, fetchBootstrap } from './bootstrap/client.ts';
import { overlayBootstrap } from './bootstrap/overlay.ts';
import { toBootstrapRequest, toLeaveRequest } from './bootstrap/request.ts';
import { readOverlayTemplates } from './bootstrap/templates.ts';
import type { AgentConfig } from './config/agent-config.ts';
import { checkAdminPort } from './envoy/admin-port.ts';
import { chooseLauncher, type Launcher } from './envoy/launcher.ts';
import { locateEnvoy } from './envoy/locate.ts';
import { type EnvoyVersion, readEnvoyVersion } from './envoy/version.ts';
import { createEnvoyControl } from './envoy-control.ts';
import { envoyCacheDir, listCached } from './install/cache.ts';
import { toAnswer } from './readiness/answer.ts';
import { type ReadinessServer, startReadinessServer } from './readiness/server.ts';
import { claimInstance, cleanStaleInstances, type Instance } from './run-dir/instance.ts';
import { instancePaths } from './run-dir/paths.ts';
import { createMachine, type Machine } from './state/machine.ts';
import { superviseEnvoy } from './supervisor.ts';

/** What an agent is given by its program. */
export interface AgentParts {
  readonly config: AgentConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Receives the lines of Envoy. */
  readonly sink: LogSink;
  readonly stop: StopRequest;
  readonly clock: Clock;
}

/**
 * Runs one agent from start to end, in this order: the private directory, the readiness server, Envoy's binary, the
 * bootstrap, Envoy. Whatever the ending, nothing is left behind. Throws AgentError when it cannot start.
 */
export async function runAgent(parts: AgentParts): Promise<void> {
  const { config, logger, stop } = parts;
  const machine = createMachine(logger.child({ mesh: config.proxy.mesh, name: config.proxy.name }));
  const onStop = () => machine.dispatch({ event: 'stop-requested', cause: String(stop.graceful.reason) });
  stop.graceful.addEventListener('abort', onStop, { once: true });
  if (stop.graceful.aborted) onStop();
  const paths = instancePaths(config.runDir, config.proxy.mesh, config.proxy.name);
  await checkAdminPort(config.envoy.adminPort);
  const instance = await claimInstance(paths);
  let reason = 'a fault';
  try {
    await runClaimed(parts, instance, machine);
    reason = stop.graceful.aborted ? String(stop.graceful.reason) : 'done';
  } catch (error) {
    // Whatever was under way when the stop came was cut off by it.
    if (!stop.graceful.aborted) throw error;
    reason = String(stop.graceful.reason);
  } finally {
    await instance.release();
    machine.dispatch({ event: 'ended', reason });
  }
}

async function runClaimed(parts: AgentParts, instance: Instance, machine: Machine): Promise<void> {
  const { config, logger } = parts;
  let waitingFor: readonly string[] = [];
  const readiness = await startReadinessServer({
    port: config.readinessPort,
    socketPath: instance.paths.agentSocket,
    pages: { '/ready': () => toAnswer(machine.current, waitingFor) },
  });
  try {
    logger.info(
      { dir: instance.paths.dir, readiness: `http://127.0.0.1:${readiness.port}/ready` },
      'agent started',
    );
    const removed = await cleanStaleInstances(config.runDir);
    if (removed.length > 0) logger.info({ removed }, 'cleaned up after agents that were killed');
    const onWaiting = (list: readonly string[]) => {
      waitingFor = list;
    };
    await runEnvoy(parts, { instance, machine, readiness, onWaiting });
  } finally {
    await readiness.close();
  }
}

interface Started {
  readonly instance: Instance;
  readonly machine: Machine;
  readonly readiness: ReadinessServer;
  readonly onWaiting: (waitingFor: readonly string[]) => void;
}

async function runEnvoy(parts: AgentParts, started: Started): Promise<void> {
  const { config, logger, stop, clock } = parts;
  const { machine, instance } = started;
  const envoy = await prepareEnvoy(parts);
  machine.dispatch({ event: 'located', envoyVersion: envoy.version.version });
  const place: AdminPlace =
    config.envoy.adminPort === 0
      ? { socketPath: instance.paths.adminSocket }
      : { port: config.envoy.adminPort };
  const received = await fetchFor(parts, envoy.version, started);
  machine.dispatch({ event: 'bootstrapped' });
  const bootstrap = overlayBootstrap(received, place, readOverlayTemplates());
  writePrivateFile(instance.paths.bootstrap, JSON.stringify(bootstrap));
  const control = createEnvoyControl({
    ...parts,
    ...envoy,
    instance,
    place,
    bootstrap,
    onWaiting: started.onWaiting,
    leave: () => announceLeave(config.controlPlane, toLeaveRequest(config.proxy)),
  });
  const { restartBaseMs, restartMaxMs } = config.envoy;
  await superviseEnvoy({ control, machine, stop, clock, logger, restartBaseMs, restartMaxMs });
}

async function prepareEnvoy({ config, env, logger, stop }: AgentParts): Promise<PreparedEnvoy> {
  const cache = { dir: envoyCacheDir(env), list: () => listCached(env) };
  const binary = locateEnvoy(config.envoy.binaryPath, env, cache);
  const [version, launcher] = await Promise.all([
    readEnvoyVersion(binary, stop.graceful),
    chooseLauncher(binary, env, stop.graceful),
  ]);
  logger.info({ binary, version: version.version, launcher: launcher.kind }, 'Envoy found');
  if (!version.supported) {
    logger.warn(
      { version: version.version || version.build },
      'this Envoy is not one of the versions tested with (1.36 to 1.40)',
    );
  }
  return { binary, version, launcher };
}

interface PreparedEnvoy {
  readonly binary: string;
  readonly version: EnvoyVersion;
  readonly launcher: Launcher;
}

function fetchFor(
  { config, logger, stop }: AgentParts,
  envoy: EnvoyVersion,
  started: Started,
): Promise<JsonObject> {
  const facts = {
    proxy: config.proxy,
    build: buildInfo,
    envoy,
    readinessPort: started.readiness.port,
    adminPort: config.envoy.adminPort,
    deltaXds: config.envoy.deltaXds,
    workdir: started.instance.paths.dir,
  };
  return fetchBootstrap({
    target: config.controlPlane,
    request: (caCert) => toBootstrapRequest({ ...facts, caCert }),
    logger,
    signal: stop.graceful,
  });
}
