import { buildInfo } from '../lib/build-info.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/coded-error.ts';
import { identifyFile } from '../lib/file-identity.ts';
import type { JsonObject } from '../lib/json.ts';
import type { LogSink } from '../lib/log-sink.ts';
import type { Logger } from '../lib/logger.ts';
import { writePrivateFile } from '../lib/private-file.ts';
import type { StopRequest } from '../lib/stop-signals.ts';
import type { AdminPlace } from './admin-place.ts';
import type { Adoption } from './adoption/adopt.ts';
import type { AgentConfig } from './config/agent-config.ts';
import type { EnvoyVersion } from './envoy/version.ts';
import { createEnvoyControl } from './envoy-control.ts';
import type { FallBack } from './fall-back.ts';
import { createEpochs, type Epochs } from './hot-restart/epochs.ts';
import type { HandOvers } from './hot-restart/hand-overs.ts';
import type { RestartQueue } from './hot-restart/requests.ts';
import {
  hasRoomForSharedMemory,
  isSharedMemoryWritable,
  sharedMemoryPath,
} from './hot-restart/shared-memory.ts';
import type { OpaqueResource } from './hot-restart/static-state.ts';
import { startTriggers } from './hot-restart/triggers.ts';
import {
  adoptBinary,
  type EnvoyBinary,
  type EnvoyPlan,
  locateBinary,
  planBinary,
  revisePlan,
} from './plan.ts';
import type { PortWatch } from './ports/port-watch.ts';
import { toDiskFault } from './run-dir/fault.ts';
import type { Instance } from './run-dir/instance.ts';
import type { KeptEnvoy } from './run-dir/kept.ts';
import { fitsEpochSockets } from './run-dir/paths.ts';
import type { EnvoyControl, RunningEnvoy } from './running-envoy.ts';
import type { AdoptedEnvoys } from './serving.ts';
import { writeCrashFile } from './state/crash-files.ts';
import { type Crash, createCrashHistory } from './state/crash-history.ts';
import type { Machine } from './state/machine.ts';
import { superviseEnvoy } from './supervisor.ts';

export interface RunEnvoysParts {
  readonly config: AgentConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly sink: LogSink;
  readonly clock: Clock;
  readonly stop: StopRequest;
  readonly machine: Machine;
  readonly instance: Instance;
  readonly restarts: RestartQueue;
  readonly handOvers: HandOvers;
  /** Aborted when the proxy is to be drained and kept. */
  readonly drained: AbortSignal;
  /** What Envoy is started with first. */
  readonly plan: EnvoyPlan;
  /** The bootstrap Envoy is given: the received one with what only the agent knows. */
  readonly finish: (received: JsonObject, place: AdminPlace, epoch: number) => JsonObject;
  /** Asks the control plane for the bootstrap once. */
  readonly refetch: (version: EnvoyVersion) => Promise<JsonObject>;
  /** What the serving Envoy accepted of xDS. */
  readonly accepted: () => readonly OpaqueResource[];
  readonly ports: Pick<PortWatch, 'missing' | 'degradation'>;
  readonly onWaiting: (waitingFor: readonly string[]) => void;
  /** Told once, before the first Envoy starts. */
  readonly onFacts: (facts: EnvoyFacts) => void;
  readonly leave: () => Promise<boolean>;
  /** What to begin with instead of a start. */
  readonly adoption: Adoption | undefined;
  /** All that were planned with: new ones are added, and the owner closes them after the end. */
  readonly binaries: Set<EnvoyBinary>;
  /** Told when whatever becomes of that Envoy is up to this. */
  readonly onTaken: () => void;
  /** Aborted when the agent is to end without its Envoys. */
  readonly detached: AbortSignal;
  readonly readinessPort: number;
  /** See the supervisor. */
  readonly afterDrain?: () => Promise<void>;
  readonly fallBack: FallBack;
  /** Where crashes are written down, best place first. */
  readonly crashDirs: readonly string[];
}

/** What the status tells of Envoy besides the state. */
export interface EnvoyFacts {
  readonly hotRestart: boolean;
  /** The newest last. */
  readonly crashes: readonly Crash[];
  /** All Envoys that live, oldest first. */
  readonly running: () => readonly RunningEnvoy[];
}

/**
 * Runs Envoys, one after the other, until the agent is asked to stop; nothing of them is left afterwards. True when the
 * agent was asked to end without them: they run on.
 */
export async function runEnvoys(parts: RunEnvoysParts): Promise<boolean> {
  const { config, clock, restarts, ports } = parts;
  const { restartBaseMs: baseMs, restartMaxMs: maxMs, maxRestarts } = config.envoy;
  const epochs = openEpochs(parts);
  const crashes = createCrashHistory<EnvoyPlan>({
    ...{ clock, baseMs, maxMs, maxRestarts },
    onCrash: (crash) => {
      const file = writeCrashFile(parts.crashDirs, crash);
      parts.logger.warn({ file, reason: crash.reason }, 'Envoy ended by itself; its last lines are kept');
    },
    fallBack: parts.fallBack.afterCrash,
  });
  const control = createEnvoyControl({
    ...parts,
    about: () => describeKept(parts),
    concurrency: parts.adoption?.record.concurrency,
    obstacles: ports.missing,
    hotRestart: ({ epoch, mayLackParent }) => epochs?.options(epoch, mayLackParent),
  });
  parts.onFacts({ hotRestart: epochs !== undefined, crashes: crashes.crashes, running: control.running });
  const triggers = startTriggers({
    clock,
    refreshMs: config.envoy.bootstrapRefreshMs,
    identity: config.envoy.watchBinary ? () => identifyBinary(parts) : undefined,
    ask: (cause) => void restarts.ask({ cause, always: false }),
  });
  const adopted = parts.adoption && (await takeUp(parts, control, parts.adoption));
  if (parts.adoption !== undefined) askForSuccessor(parts, parts.adoption);
  let detached = false;
  parts.onTaken();
  try {
    detached = await superviseEnvoy({
      ...parts,
      adopted,
      plan: adopted?.serving.plan ?? parts.plan,
      control,
      epochs,
      crashes,
      revise: (before) => revise(parts, before),
      degradation: () =>
        [parts.fallBack.reason, ports.degradation()].filter((part) => part !== '').join('; '),
      timing: config.envoy,
    });
  } finally {
    triggers.stop();
    if (!detached) epochs?.dispose();
  }
  return detached;
}

function describeKept({ config, readinessPort }: RunEnvoysParts) {
  const { mesh, name } = config.proxy;
  return { mesh, name, readinessPort, writtenBy: buildInfo.version };
}

async function takeUp(
  { plan, config, clock, stop, binaries }: RunEnvoysParts,
  control: EnvoyControl,
  { serving, leaving, adminLost }: Adoption,
): Promise<AdoptedEnvoys> {
  const planOf = (envoy: KeptEnvoy): EnvoyPlan => {
    const binary = adoptBinary(envoy, plan.binary);
    binaries.add(binary);
    return { received: envoy === serving ? plan.received : envoy.received, binary };
  };
  // The oldest first, as they were started: the newest is the one that serves, for all who look.
  const before = leaving && control.adopt(leaving, planOf(leaving));
  const adopted = { serving: control.adopt(serving, planOf(serving)), leaving: before, adminLost };
  if (!adminLost) await control.settle(adopted.serving);
  // A crash is then mended without the time of this check; a port that was asked for is Envoy's own now.
  if (config.envoy.adminPort === 0)
    clock.after(1_000, () => void control.check(adopted.serving.plan, stop.graceful).catch(() => {}));
  return adopted;
}

/** What is not as it should be with an Envoy that was adopted is mended by a hand-over at once. */
function askForSuccessor({ config, restarts }: RunEnvoysParts, { adminLost }: Adoption): void {
  const cause = adminLost
    ? 'the adopted Envoy has no admin interface any more'
    : 'without --keep-envoy the Envoy that was kept makes place for one that ends with the agent';
  if (adminLost || !config.envoy.keep) void restarts.ask({ cause, always: true, nobodyWaits: true });
}

/** The binary as it is now and the bootstrap as the control plane has it now, or the old one when that is away. */
async function revise(parts: RunEnvoysParts, before: EnvoyPlan): Promise<EnvoyPlan> {
  const { stop, logger } = parts;
  const binary = await planBinary(parts, stop.graceful, [before.binary, ...parts.binaries]);
  parts.binaries.add(binary);
  let { received } = before;
  try {
    received = await parts.refetch(binary.version);
  } catch (error) {
    stop.graceful.throwIfAborted();
    logger.warn({ cause: describeError(error) }, 'no new bootstrap: the one that is there stays');
  }
  return revisePlan(before, binary, received);
}

function identifyBinary(parts: RunEnvoysParts): string {
  try {
    const path = locateBinary(parts);
    return `${path} ${identifyFile(path)}`;
  } catch {
    // Half-way through an upgrade there may be none.
    return '';
  }
}

function openEpochs({ config, instance, logger, adoption }: RunEnvoysParts): Epochs | undefined {
  const { paths } = instance;
  const obstacles = [
    isSharedMemoryWritable() ? '' : '/dev/shm cannot be written',
    // An Envoy that is adopted has its file already.
    adoption !== undefined || hasRoomForSharedMemory() ? '' : '/dev/shm is full',
    fitsEpochSockets(paths) ? '' : 'the path of the run directory is too long for its sockets',
  ];
  const obstacle = obstacles.find((one) => one !== '');
  if (config.envoy.hotRestart === 'off') return undefined;
  if (obstacle !== undefined) {
    const say = config.envoy.hotRestart === 'on' ? 'error' : 'info';
    logger[say]({ obstacle }, 'hot restart is off: a restart of Envoy will cost a moment of service');
    return undefined;
  }
  const record = (baseId: number) =>
    writePrivateFile(paths.hotRestart, JSON.stringify({ baseId, sharedMemory: sharedMemoryPath(baseId) }));
  try {
    return createEpochs({
      socketPath: paths.epochSockets,
      parentShutdownMs: config.envoy.parentShutdownMs,
      onBaseId: record,
      adopted: adoption && (adoption.serving.baseId ?? 'none'),
    });
  } catch (error) {
    throw toDiskFault(error);
  }
}
