import { basename, join } from 'node:path';
import { buildInfo } from '../lib/build-info.ts';
import type { Clock } from '../lib/clock.ts';
import { CodedError } from '../lib/coded-error.ts';
import type { JsonObject } from '../lib/json.ts';
import type { LogSink } from '../lib/log-sink.ts';
import type { Logger } from '../lib/logger.ts';
import type { StopRequest } from '../lib/stop-signals.ts';
import { type Adoption, adoptKept } from './adoption/adopt.ts';
import { type AgentControl, createAgentControl } from './agent-control.ts';
import { announceLeave, fetchBootstrap } from './bootstrap/client.ts';
import type { BootstrapFailure } from './bootstrap/failure.ts';
import { overlayBootstrap } from './bootstrap/overlay.ts';
import { toBootstrapRequest, toLeaveRequest } from './bootstrap/request.ts';
import { readOverlayTemplates } from './bootstrap/templates.ts';
import { type Companions, startCompanions } from './companions.ts';
import type { AgentConfig } from './config/agent-config.ts';
import { answerControl } from './control/routes.ts';
import type { WishSignals } from './control/signals.ts';
import { acceptStops } from './control/stop.ts';
import { type Access, openAccess } from './control-planes/access.ts';
import type { Place } from './control-planes/place.ts';
import { followDataplane, type LiveDataplane } from './dataplane/follow.ts';
import { judgeDataplane } from './dataplane/judge.ts';
import { checkAdminPort } from './envoy/admin-port.ts';
import type { EnvoyVersion } from './envoy/version.ts';
import { createFallBack } from './fall-back.ts';
import type { InTurn, RestartQueue } from './hot-restart/requests.ts';
import { returnIdleMemory } from './idle-memory.ts';
import type { AskForBootstrap } from './known-good/offline-start.ts';
import type { LogRing } from './logs/ring.ts';
import { type EnvoyBinary, planBinary } from './plan.ts';
import { watchPorts } from './ports/port-watch.ts';
import { type Answer, toAnswer, withLine } from './readiness/answer.ts';
import { type Pages, type ReadinessServer, startReadinessServer } from './readiness/server.ts';
import { attachRelay } from './relay/attach.ts';
import { claimInstance, cleanStaleInstances, type Instance } from './run-dir/instance.ts';
import { nextRelayEpoch } from './run-dir/kept.ts';
import { instancePaths } from './run-dir/paths.ts';
import { runEnvoys } from './run-envoys.ts';
import type { AgentState } from './state/agent-state.ts';
import { createMachine, type Machine } from './state/machine.ts';
import { type AgentView, enterSurroundings, type Surroundings } from './surroundings.ts';
import type { LiveTokenFile } from './token/follow.ts';

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
  /** Lines of agent and Envoy, for who asks on the socket. */
  readonly logs: LogRing;
  readonly onState?: (state: AgentState) => void;
  /** The Dataplane of the settings, where it may change. */
  readonly dataplane?: LiveDataplane;
  /** The file with its token, where that may come to be. */
  readonly tokenFile?: LiveTokenFile;
  /** Gives memory back as the states allow; without it the agent does so for itself. */
  readonly returnMemory?: (state: AgentState) => void;
  /** How many Envoys share the memory of this process. */
  readonly envoys?: () => number;
  /** Several agents of a process take turns with new binaries and bootstraps. */
  readonly inTurn?: InTurn;
  /** Told what the readiness server answers, once it does. */
  readonly onPages?: (pages: Pages) => void;
  /** Awaited between the end of the last connection and the end of Envoy. */
  readonly afterDrain?: () => Promise<void>;
}

/**
 * Runs one agent from start to end, in this order: the private directory, the readiness server, Envoy's binary, the
 * bootstrap, Envoy. Whatever the ending, nothing is left behind. Throws AgentError when it cannot start.
 */
export async function runAgent(parts: AgentParts): Promise<void> {
  const { config, logger } = parts;
  const { stop, request } = acceptStops(parts.stop);
  const surroundings = enterSurroundings({ ...parts, onState: parts.onState ?? (() => {}) });
  const watchers = new Set([parts.returnMemory ?? returnIdleMemory(parts.clock), surroundings.onState]);
  const machine = createMachine(
    logger.child({ mesh: config.proxy.mesh, name: config.proxy.name }),
    (state) => {
      for (const watch of watchers) watch(state);
    },
  );
  const onStop = () => machine.dispatch({ event: 'stop-requested', cause: String(stop.graceful.reason) });
  stop.graceful.addEventListener('abort', onStop, { once: true });
  if (stop.graceful.aborted) onStop();
  const paths = instancePaths(config.runDir, config.proxy.mesh, config.proxy.name);
  const instance = await claimInstance(paths);
  let reason = 'a fault';
  // An Envoy that serves is left to the next agent by one that ends before it could take it over.
  let left = instance.kept !== undefined;
  try {
    const adoption = await adoptKept(instance, logger);
    left = adoption !== undefined;
    if (adoption === undefined) await checkAdminPort(config.envoy.adminPort);
    const onTaken = () => {
      left = false;
    };
    const claimed = { instance, adoption, onTaken, machine, watchers, surroundings, requestStop: request };
    left = await runClaimed({ ...parts, stop }, claimed);
    reason = left ? 'detached' : stop.graceful.aborted ? String(stop.graceful.reason) : 'done';
  } catch (error) {
    // Whatever was under way when the stop came was cut off by it.
    if (!stop.graceful.aborted) {
      if (error instanceof CodedError) reason = error.code;
      throw error;
    }
    reason = String(stop.graceful.reason);
    // A stop is meant for Envoy, too.
    if (left) {
      const { endUntaken } = await import('./adoption/end-untaken.ts');
      await endUntaken(instance, { ...parts, stop });
    }
    left = false;
  } finally {
    await (left ? instance.leave() : instance.release());
    machine.dispatch({ event: 'ended', reason });
    await surroundings.close();
  }
}

interface Claimed {
  readonly instance: Instance;
  /** The Envoy of an agent before this one. */
  readonly adoption: Adoption | undefined;
  /** That Envoy is in the hands of the supervisor. */
  readonly onTaken: () => void;
  readonly machine: Machine;
  readonly watchers: Set<(state: AgentState) => void>;
  readonly surroundings: Surroundings;
  readonly requestStop: (cause: string) => void;
}

/** Whether it ended without its Envoys. */
async function runClaimed(parts: AgentParts, claimed: Claimed): Promise<boolean> {
  const { instance, adoption, machine, watchers, surroundings, requestStop } = claimed;
  const { config, logger, wishes } = parts;
  const { mesh, name } = config.proxy;
  let port = 0;
  let takesUp = adoption !== undefined;
  watchers.add(({ state }) => {
    if (state === 'ready') takesUp = false;
  });
  const control = createAgentControl({
    ...{ ...parts, mesh, name, machine, readinessPort: () => port, stop: requestStop },
    keepsEnvoy: config.envoy.keep,
    takesUp: () => takesUp,
  });
  let mark = (answer: Answer) => answer;
  const ready = () => withLine(mark(toAnswer(machine.current, control.waitingFor)), control.handOvers.mark);
  let stale: AgentView['stale'] = () => undefined;
  const view: AgentView = {
    status: control.status,
    ready: () => ready().status === 200,
    stale: () => stale(),
  };
  const pages = { '/ready': ready, '/metrics': () => surroundings.metrics(view) };
  const readiness = await startReadinessServer({
    port: config.readinessPort,
    // Programs that ask there, and the bootstrap that names it, find it where it was.
    before: adoption?.record.readinessPort ?? 0,
    socketPath: instance.paths.agentSocket,
    pages,
    onSocket: (request, response) =>
      surroundings.answer(request, response) || answerControl(control, request, response),
  });
  port = readiness.port;
  parts.onPages?.(pages);
  const { paths } = instance;
  const access = openAccess(parts);
  control.controlPlane = () => access.planes.current?.key ?? '';
  const companions = startCompanions({ ...parts, paths, state: () => machine.current, access });
  mark = companions.answer;
  stale = () => companions.session.stale;
  control.marks = companions.marks;
  const binaries = new Set<EnvoyBinary>();
  watchers.add((state) => companions.onState(state, control.facts?.running().at(-1)?.plan.received));
  try {
    const address = `http://127.0.0.1:${port}/ready`;
    logger.info({ dir: instance.paths.dir, readiness: address }, 'agent started');
    if (config.envoy.keep && process.pid === 1)
      logger.warn(
        {},
        '--keep-envoy has no effect: as process 1 of a container the agent takes all along when it ends',
      );
    const removed = await cleanStaleInstances(config.runDir);
    if (removed.length > 0) logger.info({ removed }, 'cleaned up after agents that were killed');
    wishes.listen({ onRestart: control.restart, onDrain: control.drain, onDetach: control.detach });
    return await runEnvoy(parts, { ...claimed, readiness, control, companions, access, binaries });
  } catch (error) {
    if (takesUp && control.detached.aborted && !parts.stop.graceful.aborted) return true;
    throw error;
  } finally {
    for (const binary of binaries) binary.close();
    wishes.dispose();
    // Also those that came before there was an Envoy to restart.
    control.restarts.close('the agent stops');
    access.stop();
    await companions.stop();
    await readiness.close();
  }
}

interface Started extends Claimed {
  readonly readiness: ReadinessServer;
  readonly control: AgentControl;
  readonly companions: Companions;
  readonly access: Access;
  /** All that were planned with: their files are held open until the agent has ended. */
  readonly binaries: Set<EnvoyBinary>;
}

async function runEnvoy(parts: AgentParts, started: Started): Promise<boolean> {
  const { config, env, logger, stop } = parts;
  const { machine, watchers, instance, adoption, control, companions, readiness, surroundings, access } =
    started;
  const binary = await planBinary({ config, env }, AbortSignal.any([stop.graceful, control.detached]));
  started.binaries.add(binary);
  describeBinary(binary, logger);
  machine.dispatch({ event: 'located', envoyVersion: binary.version.version });
  companions.setEnvoyVersion(binary.version.version);
  const ask: AskForBootstrap<JsonObject> = (goOn) => fetchFor(parts, binary.version, started, goOn);
  access.ask = (place, hasty) => fetchFrom({ place, hasty }, parts, binary.version, started);
  const begun =
    adoption === undefined
      ? await companions.begin(ask, readiness.port)
      : companions.beginWith(adoption.serving.received, ask);
  const received = begun.bootstrap;
  machine.dispatch({ event: 'bootstrapped' });
  const templates = readOverlayTemplates();
  const fallBack = createFallBack(() => companions.session.knownGood.current);
  const ports = watchPorts({ ...parts, dir: instance.paths.dir, proxy: config.proxy });
  watchers.add(ports.onState);
  const relay = await attachRelay(received, {
    ...parts,
    enabled: config.xdsRelay,
    template: templates.relay,
    trust: config.controlPlane,
    socketPath: instance.paths.relaySocket,
    firstEpoch: adoption === undefined ? 0 : nextRelayEpoch(adoption.record),
    gate: ports.gate,
    metadata: access.metadata,
    dataplane: () => access.proxy().resource,
    choose: access.choose,
    timing: () => access.timing,
    onRefused: access.onRefused,
    onEvent: (event) => {
      companions.onRelayEvent(event);
      surroundings.onRelayEvent(event);
      fallBack.onRelayEvent(event);
      ports.onRelayEvent(event);
    },
  });
  fallBack.attach(relay.relay);
  access.attach(
    relay.relay,
    (cause) => void control.restarts.ask({ cause, always: true, nobodyWaits: true }),
  );
  companions.attach(relay.relay, begun, () => askSoon(parts, control.restarts));
  surroundings.relay = relay.relay;
  surroundings.ports = ports.gate;
  if (begun.kind === 'stale') takeUp(begun.fresh, control.restarts, 'the control plane is back');
  if (begun.kind === 'adopted') takeUp(begun.fresh, control.restarts, 'bootstrap after the adoption');
  const follower = followDataplane({
    ...{ ...parts, dataplane: parts.dataplane, brought: access.proxy().resource, bring: access.bring },
    ask: (resource) => judgeDataplane(() => tryDataplane(resource, parts, binary.version, started)),
  });
  control.marks = () => [...companions.marks(), ...follower.marks()];
  return runEnvoys({
    ...parts,
    instance,
    adoption,
    onTaken: started.onTaken,
    binaries: started.binaries,
    detached: control.detached,
    readinessPort: readiness.port,
    machine,
    restarts: control.restarts,
    handOvers: control.handOvers,
    drained: control.drained,
    plan: { binary, received },
    finish: (bootstrap, place) =>
      relay.finish(access.complete(surroundings.bound(overlayBootstrap(bootstrap, place, templates)))),
    // Once only: whoever serves need not wait for a control plane that is away.
    refetch: (version) => fetchFor({ ...parts, config: withoutRetries(config) }, version, started),
    accepted: relay.accepted,
    fallBack,
    ports,
    crashDirs: crashDirs(config, instance),
    onWaiting: (list) => {
      control.waitingFor = list;
    },
    onFacts: (facts) => {
      control.facts = facts;
    },
    leave: () => announceLeave(config.controlPlane, toLeaveRequest(access.proxy()), access.planes),
  })
    .finally(() => {
      follower.stop();
      return relay.close();
    })
    .finally(ports.stop);
}

/** A control plane that was restarted may give another bootstrap; a whole fleet must not ask in the same second. */
function askSoon({ clock }: AgentParts, restarts: RestartQueue): void {
  const cause = 'new stream to the control plane';
  clock.after(Math.random() * 10_000, () => void restarts.ask({ cause, always: false }));
}

/** The state directory outlives the agent and the machine; the run directory goes with the agent. */
function crashDirs({ state }: AgentConfig, { paths }: Instance): readonly string[] {
  const lasting = state.dir === '' ? [] : [join(state.dir, basename(paths.dir), 'crashes')];
  return [...lasting, join(paths.dir, 'crashes')];
}

/** What the control plane says once it is back is taken up as any changed bootstrap is. */
function takeUp(fresh: Promise<JsonObject>, restarts: RestartQueue, cause: string): void {
  // It rejects when the agent stops.
  fresh.then(
    () => restarts.ask({ cause, always: false }),
    () => {},
  );
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

async function fetchFor(
  parts: AgentParts,
  envoy: EnvoyVersion,
  started: Started,
  onFailure: (failure: BootstrapFailure) => boolean = () => false,
): Promise<JsonObject> {
  const { access } = started;
  const { learn: onAnswer, mayHeal, planes } = access;
  const received = await fetchBootstrap({
    ...fetchOptions(parts, envoy, started),
    ...{ planes, onAnswer, mayHeal, onFailure },
  });
  return access.settle(received);
}

/** One of several control planes, once. */
function fetchFrom(
  { place: { url, address }, hasty }: { readonly place: Place; readonly hasty: boolean },
  parts: AgentParts,
  envoy: EnvoyVersion,
  started: Started,
): Promise<JsonObject> {
  const options = fetchOptions(parts, envoy, started);
  const { mayHeal } = started.access;
  const target = { ...options.target, url, address, retryMaxMs: 0 };
  return fetchBootstrap({ ...options, mayHeal, hasty, target });
}

/** Asks once for the bootstrap of another Dataplane, which the control plane looks at for that. */
function tryDataplane(resource: string, parts: AgentParts, envoy: EnvoyVersion, started: Started) {
  const { access } = started;
  const proxy = () => ({ ...access.proxy(), resource });
  const config = withoutRetries(parts.config);
  return fetchFor({ ...parts, config }, envoy, { ...started, access: { ...access, proxy } });
}

function fetchOptions({ config, logger, stop }: AgentParts, envoy: EnvoyVersion, started: Started) {
  const facts = {
    build: buildInfo,
    envoy,
    readinessPort: started.readiness.port,
    adminPort: config.envoy.adminPort,
    workdir: started.instance.paths.dir,
    deltaXds: config.envoy.deltaXds,
    keepEnvoy: config.envoy.keep,
  };
  return {
    target: config.controlPlane,
    request: (caCert: string | undefined) =>
      toBootstrapRequest({ ...facts, proxy: started.access.proxy(), caCert }),
    logger,
    signal: stop.graceful,
  };
}
