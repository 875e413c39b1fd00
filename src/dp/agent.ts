import { buildInfo } from '../lib/build-info.ts';
import type { Clock } from '../lib/clock.ts';
import type { JsonObject } from '../lib/json.ts';
import type { LogSink } from '../lib/log-sink.ts';
import type { Logger } from '../lib/logger.ts';
import type { StopRequest } from '../lib/stop-signals.ts';
import { announceLeave, fetchBootstrap } from './bootstrap/client.ts';
import { overlayBootstrap } from './bootstrap/overlay.ts';
import { toBootstrapRequest, toLeaveRequest } from './bootstrap/request.ts';
import { readOverlayTemplates } from './bootstrap/templates.ts';
import type { AgentConfig } from './config/agent-config.ts';
import type { WishSignals } from './control/signals.ts';
import { checkAdminPort } from './envoy/admin-port.ts';
import type { EnvoyVersion } from './envoy/version.ts';
import { createRestartQueue, type RestartQueue } from './hot-restart/requests.ts';
import { type EnvoyFacts, keepEnvoy } from './keep-envoy.ts';
import { type EnvoyBinary, planBinary } from './plan.ts';
import { toAnswer } from './readiness/answer.ts';
import { type ReadinessServer, startReadinessServer } from './readiness/server.ts';
import { attachRelay } from './relay/attach.ts';
import { claimInstance, cleanStaleInstances, type Instance } from './run-dir/instance.ts';
import { instancePaths } from './run-dir/paths.ts';
import { createMachine, type Machine } from './state/machine.ts';

/** What an agent is given by its program. */
export interface AgentParts {
  readonly config: AgentConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Receives the lines of Envoy. */
  readonly sink: LogSink;
  readonly stop: StopRequest;
  /** SIGHUP and SIGUSR2. */
  readonly wishes: WishSignals;
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
  const { config, logger, wishes } = parts;
  let waitingFor: readonly string[] = [];
  let facts: EnvoyFacts | undefined;
  const restarts = createRestartQueue();
  const drain = new AbortController();
  const onDrain = (cause: string) => {
    machine.dispatch({ event: 'drain-requested', cause });
    drain.abort(cause);
  };
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
    const onFacts = (now: EnvoyFacts) => {
      facts = now;
    };
    wishes.listen({
      onRestart: (cause) => void restarts.ask({ cause, always: true }),
      onDrain,
    });
    await runEnvoy(parts, {
      ...{ instance, machine, readiness, restarts, drained: drain.signal },
      ...{ onWaiting, onFacts },
    });
  } finally {
    wishes.dispose();
    await readiness.close();
  }
}

interface Started {
  readonly instance: Instance;
  readonly machine: Machine;
  readonly readiness: ReadinessServer;
  readonly restarts: RestartQueue;
  readonly drained: AbortSignal;
  readonly onWaiting: (waitingFor: readonly string[]) => void;
  readonly onFacts: (facts: EnvoyFacts) => void;
}

async function runEnvoy(parts: AgentParts, started: Started): Promise<void> {
  const { config, env, logger, stop } = parts;
  const { machine, instance } = started;
  const binary = await planBinary({ config, env }, stop.graceful);
  describeBinary(binary, logger);
  machine.dispatch({ event: 'located', envoyVersion: binary.version.version });
  const received = await fetchFor(parts, binary.version, started);
  machine.dispatch({ event: 'bootstrapped' });
  const templates = readOverlayTemplates();
  const relay = await attachRelay(received, {
    ...parts,
    enabled: config.xdsRelay,
    template: templates.relay,
    trust: config.controlPlane,
    socketPath: instance.paths.relaySocket,
  });
  await keepEnvoy({
    ...parts,
    instance,
    machine,
    restarts: started.restarts,
    drained: started.drained,
    plan: { binary, received },
    finish: (bootstrap, place) => relay.finish(overlayBootstrap(bootstrap, place, templates)),
    // Once only: whoever serves need not wait for a control plane that is away.
    refetch: (version) => fetchFor({ ...parts, config: withoutRetries(config) }, version, started),
    accepted: relay.accepted,
    onWaiting: started.onWaiting,
    onFacts: started.onFacts,
    leave: () => announceLeave(config.controlPlane, toLeaveRequest(config.proxy)),
  }).finally(relay.close);
}

function withoutRetries(config: AgentConfig): AgentConfig {
  return { ...config, controlPlane: { ...config.controlPlane, retryMaxMs: 0 } };
}

function describeBinary({ path, version, launcher }: EnvoyBinary, logger: Logger): void {
  logger.info({ binary: path, version: version.version, launcher: launcher.kind }, 'Envoy found');
  if (version.supported) return;
  logger.warn(
    { version: version.version || version.build },
    'this Envoy is not one of the versions tested with (1.36 to 1.40)',
  );
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
    workdir: started.instance.paths.dir,
    deltaXds: config.envoy.deltaXds,
  };
  return fetchBootstrap({
    target: config.controlPlane,
    request: (caCert) => toBootstrapRequest({ ...facts, caCert }),
    logger,
    signal: stop.graceful,
  });
}
