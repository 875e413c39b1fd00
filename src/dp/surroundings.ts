// The agent's place in its host: what the service manager and the monitoring are told, and what Envoy is allowed. The
// agent tells it what happens.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buildInfo } from '../lib/build-info.ts';
import type { Clock } from '../lib/clock.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Logger } from '../lib/logger.ts';
import type { AgentConfig } from './config/agent-config.ts';
import type { AgentStatus } from './control/status.ts';
import { connectionLimit, envoyHeapBytes } from './limits/heap.ts';
import { type HostLimits, readHostLimits } from './limits/host-limits.ts';
import { boundEnvoy, type EnvoyBounds } from './limits/overload.ts';
import { readOverloadTemplates } from './limits/templates.ts';
import type { LogRing } from './logs/ring.ts';
import { answerLogs } from './logs/routes.ts';
import { renderAgentMetrics } from './metrics/agent-metrics.ts';
import { createTransitionCounter } from './metrics/transitions.ts';
import { connectServiceManager } from './notify/service-manager.ts';
import type { Answer } from './readiness/answer.ts';
import type { AgentState } from './state/agent-state.ts';

export interface SurroundingsParts {
  readonly config: AgentConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logs: LogRing;
  /** How many Envoys share the memory of this agent; looked at whenever a bootstrap is made. One by default. */
  readonly envoys?: () => number;
  /** Told of every state, after the service manager. */
  readonly onState: (state: AgentState) => void;
}

/** What the metrics need of the running agent. */
export interface AgentView {
  readonly status: () => AgentStatus;
  readonly ready: () => boolean;
  readonly stale: () => { readonly confirmedAt: number | undefined } | undefined;
}

export interface Surroundings {
  onState(state: AgentState): void;
  /** Set once the relay runs, for the metrics. */
  relay: { readonly status: { readonly upstream: { readonly connected: boolean } } } | undefined;
  /** Set with it: who decides on ports asks what the relay holds back. */
  ports: { readonly heldBack: number } | undefined;
  onRelayEvent(event: { readonly event: string }): void;
  /** The bootstrap with the bounds of this host. */
  bound(bootstrap: JsonObject): JsonObject;
  metrics(view: AgentView): Answer;
  /** Answers requests on the agent's socket that are about logs; false for all others. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
  /** Sends the last message. */
  close(): Promise<void>;
}

/** What goes on after the drain time: the end of Envoy and of the files. */
const END_MS = 15_000;
/** What goes on before the control plane is asked and after it answered. */
const START_MS = 60_000;

export function enterSurroundings(parts: SurroundingsParts): Surroundings {
  const { config, env, clock, logger, logs } = parts;
  const limits = readHostLimits();
  const bounds = () => chooseBounds(config, limits, parts.envoys?.() ?? 1);
  tellBounds(config, limits, bounds(), logger);
  const templates = readOverloadTemplates();
  const counter = createTransitionCounter();
  const startedAt = clock.now() / 1000;
  let nacks = 0;
  let state: AgentState['state'] = 'locating';
  const notifier = connectServiceManager({
    ...{ env, clock, logger, pid: process.pid },
    patience: {
      startMs: config.controlPlane.retryMaxMs + START_MS,
      stopMs: config.envoy.drainTimeMs + config.appStopTimeoutMs + END_MS,
    },
    // That this runs at all is one half. An Envoy that hangs is killed, and what restarts is being mended.
    isHealthy: () => state !== 'stopped',
  });
  const self: Surroundings = {
    relay: undefined,
    ports: undefined,
    onState(now) {
      ({ state } = now);
      counter.onState(now);
      notifier.onState(now);
      parts.onState(now);
    },
    onRelayEvent({ event }) {
      if (event === 'refused') nacks++;
    },
    bound: (bootstrap) => boundEnvoy(bootstrap, bounds(), templates),
    metrics({ status, ready, stale }) {
      const { mesh, name, epoch, envoy, lastHandOver } = status();
      const confirmedAt = stale()?.confirmedAt;
      const body = renderAgentMetrics({
        ...{ mesh, name, epoch, state, startedAt, counts: counter.counts },
        version: buildInfo.version,
        envoyVersion: envoy.version,
        ready: ready(),
        handOverRefused: lastHandOver?.ok === false,
        listenersHeldBack: self.relay === undefined ? undefined : self.ports?.heldBack,
        stale: stale() !== undefined,
        staleSeconds: confirmedAt === undefined ? undefined : Math.max(0, clock.now() - confirmedAt) / 1000,
        connected: self.relay?.status.upstream.connected,
        nacks: self.relay === undefined ? undefined : nacks,
        residentBytes: process.memoryUsage.rss(),
      });
      return { status: 200, body };
    },
    answer: (request, response) => answerLogs(logs, request, response),
    close: () => notifier.close(),
  };
  return self;
}

function chooseBounds({ envoy }: AgentConfig, { memory, files }: HostLimits, envoys: number): EnvoyBounds {
  const connections = connectionLimit(files?.hard ?? 1_048_576);
  const given = envoy.maxMemoryBytes;
  const heapBytes =
    given > 0 ? given : memory === undefined ? undefined : envoyHeapBytes(memory.bytes, envoys);
  return { heapBytes, connections };
}

function tellBounds(
  { envoy }: AgentConfig,
  { memory }: HostLimits,
  { heapBytes }: EnvoyBounds,
  logger: Logger,
): void {
  if (heapBytes !== undefined)
    logger.info(
      { heapBytes, source: envoy.maxMemoryBytes > 0 ? '--max-memory' : memory?.source },
      'memory is limited: Envoy refuses requests before it is reached',
    );
}
