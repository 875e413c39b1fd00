import type { Logger } from '../lib/logger.ts';
import type { ControlActions } from './control/routes.ts';
import { type AgentStatus, describeReason } from './control/status.ts';
import { createHandOvers, type HandOvers } from './hot-restart/hand-overs.ts';
import { createRestartQueue, type InTurn, type RestartQueue } from './hot-restart/requests.ts';
import type { EnvoyFacts } from './run-envoys.ts';
import type { Machine } from './state/machine.ts';

/** Where wishes from signals and from the socket meet, and where the parts of the status come together. */
export interface AgentControl extends ControlActions {
  readonly restarts: RestartQueue;
  readonly handOvers: HandOvers;
  /** Aborted when the proxy is to be drained and kept. */
  readonly drained: AbortSignal;
  /** Aborted when the agent is to end without its Envoys. */
  readonly detached: AbortSignal;
  waitingFor: readonly string[];
  facts: EnvoyFacts | undefined;
  /** What else there is to know: old configuration, an application that is not well. */
  marks: () => readonly string[];
  /** The control plane in use, '' while there is none. */
  controlPlane: () => string;
}

export interface AgentControlParts {
  readonly mesh: string;
  readonly name: string;
  readonly machine: Machine;
  readonly logger: Logger;
  readonly readinessPort: () => number;
  readonly stop: (cause: string) => void;
  /** Envoy outlives the agent. */
  readonly keepsEnvoy: boolean;
  /** The Envoy of an agent before this one serves, and is not taken over yet. */
  readonly takesUp?: () => boolean;
  /** Makes wishes for another Envoy that nobody waits for; at once where it is left out. */
  readonly inTurn?: InTurn;
}

export function createAgentControl(parts: AgentControlParts): AgentControl {
  const { machine } = parts;
  const restarts = createRestartQueue(parts.inTurn);
  const handOvers = createHandOvers(Date.now);
  const draining = new AbortController();
  const detaching = new AbortController();
  const control: AgentControl = {
    restarts,
    handOvers,
    drained: draining.signal,
    detached: detaching.signal,
    waitingFor: [],
    facts: undefined,
    marks: () => [],
    controlPlane: () => '',
    status: () => toStatus(parts, control),
    restart(cause) {
      if (!draining.signal.aborted) return restarts.ask({ cause, always: true });
      const text = 'the proxy is drained; stop it and start it again';
      parts.logger.warn({ cause }, `no restart: ${text}`);
      return Promise.resolve({ ok: false, text });
    },
    drain(cause) {
      machine.dispatch({ event: 'drain-requested', cause });
      draining.abort(cause);
    },
    stop: parts.stop,
    detach() {
      const obstacle = describeObstacle(parts);
      if (obstacle !== undefined) return { ok: false, text: obstacle };
      detaching.abort();
      return { ok: true, text: 'the agent ends, Envoy serves on' };
    },
  };
  return control;
}

/** Why the agent cannot leave Envoy alone. */
function describeObstacle({
  keepsEnvoy,
  takesUp = () => false,
  machine,
}: AgentControlParts): string | undefined {
  if (!keepsEnvoy)
    return 'the agent runs without --keep-envoy: Envoy would end with it ("kuma-dp stop" ends both in good order)';
  const { current } = machine;
  const { state } = current;
  // It takes no new connections for long, and one that is new has nothing to serve yet.
  if (current.state === 'handing-over' && current.cold === true)
    return `Envoy is drained and started anew (${current.cause}): try again when the proxy is ready`;
  if (state === 'ready' || state === 'degraded' || state === 'handing-over' || takesUp()) return undefined;
  return `no Envoy serves that could be left alone: the state is ${state}`;
}

function toStatus(
  { mesh, name, machine, readinessPort }: AgentControlParts,
  { facts, waitingFor, marks, controlPlane, handOvers }: AgentControl,
): AgentStatus {
  const { current, since } = machine;
  const running = facts?.running() ?? [];
  const envoys = running.map(({ pid, epoch, plan }) => ({
    pid,
    epoch,
    version: plan.binary.version.version,
  }));
  // While it drains the state holds no pid: the newest is the one that served.
  const serving = running.find(({ pid }) => 'pid' in current && pid === current.pid) ?? running.at(-1);
  return {
    mesh,
    name,
    state: current.state === 'draining' && current.done === true ? 'drained' : current.state,
    reason: [describeReason(current, waitingFor), handOvers.mark, ...marks()]
      .filter((text) => text !== '')
      .join('; '),
    since: new Date(since).toISOString(),
    agentPid: process.pid,
    readinessPort: readinessPort(),
    pid: serving?.pid ?? 0,
    epoch: serving?.epoch ?? 0,
    restarts: 'restarts' in current ? current.restarts : 0,
    envoy: { version: serving?.plan.binary.version.version ?? '', path: serving?.plan.binary.path ?? '' },
    hotRestart: facts?.hotRestart ?? false,
    controlPlane: controlPlane(),
    waitingFor,
    lastHandOver: handOvers.last && { ...handOvers.last, at: new Date(handOvers.last.at).toISOString() },
    envoys,
    crashes: (facts?.crashes ?? []).map(({ at, reason, ranMs, tail }) => ({
      at: new Date(at).toISOString(),
      reason,
      ranMs,
      log: tail,
    })),
  };
}
