// Several proxies in one process: one agent for each Dataplane among the files that were given, each on its own in
// everything that can fail, and one of everything that belongs to the process: signals, the service manager, memory.
import { availableParallelism } from 'node:os';
import { createBackoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { StopRequest } from '../../lib/stop-signals.ts';
import { runAgent } from '../agent.ts';
import { AgentError } from '../agent-error.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { CrewConfig } from '../config/crew-config.ts';
import type { WishListeners, WishSignals } from '../control/signals.ts';
import { returnIdleMemory } from '../idle-memory.ts';
import { renderDown } from '../metrics/agent-metrics.ts';
import { mergeMetricPages } from '../metrics/merge.ts';
import { connectServiceManager, withoutServiceManager } from '../notify/service-manager.ts';
import type { Answer } from '../readiness/answer.ts';
import { type Pages, startReadinessServer } from '../readiness/server.ts';
import { claimInstance } from '../run-dir/instance.ts';
import { crewPaths } from '../run-dir/paths.ts';
import { type Barrier, createBarrier } from './barrier.ts';
import { followPlaces } from './follow-places.ts';
import { tellForgotten } from './forgotten.ts';
import { createGate, type Gate } from './gate.ts';
import type { MemberLog } from './log.ts';
import { type Attempt, startMember } from './member.ts';
import { toMemberConfig } from './member-config.ts';
import { createMembers, type Members } from './members.ts';
import { createReader, type Look, type Reader } from './places.ts';
import { idOf } from './roster.ts';
import { answerCrew, type CrewView } from './routes.ts';
import { statusOfMember, statusOfProblem } from './status.ts';
import { type Summary, summarize } from './summary.ts';
import { createVoice, type Voice } from './voice.ts';

export interface CrewParts {
  /** What all share. */
  readonly config: AgentConfig;
  readonly crew: CrewConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly openLog: (id: string) => MemberLog;
  readonly stop: StopRequest;
  /** SIGHUP and SIGUSR2, for all. */
  readonly wishes: WishSignals;
  /** All proxies are ready; may be called again and again. */
  readonly onReady?: () => void;
  /** Awaited when the connections of all have ended, before the end of their Envoys. */
  readonly afterDrain?: () => Promise<void>;
}

/** So many are started at a time that none is slow because of the others; one that waits for something holds up nobody. */
const START_MOST_MS = 3_000;
/** What a hand-over needs besides, from the question to the control plane to the checks. */
const TURN_SLACK_MS = 30_000;
/** Pause before a proxy that could not run is tried again. */
const RETRY = { baseMs: 1_000, maxMs: 60_000 };
/** What goes on before the control plane is asked and after the drain time is over. */
const START_MS = 60_000;
const END_MS = 15_000;

/**
 * Runs agents for all Dataplanes of the given files until the process is asked to stop; nothing is left then. Throws
 * AgentError when only files were given and none of them can be used, and when what all share cannot be had.
 */
export async function runCrew(parts: CrewParts): Promise<void> {
  const { config, crew, clock, stop } = parts;
  const reader = createReader({ ...crew, now: () => clock.now() });
  const first = await reader.look();
  refuseNothing(first);
  const instance = await claimInstance(crewPaths(config.runDir, process.pid));
  const state = createState(parts, reader);
  try {
    const detached = new AbortController();
    const view = toView(parts, state, detached);
    const server = await startReadinessServer({
      port: crew.readinessPort,
      socketPath: instance.paths.agentSocket,
      pages: toPages(state),
      onSocket: (request, response) => answerCrew(view, request, response),
    });
    await untilStopped({ ...parts, detached: detached.signal }, state, first).finally(server.close);
  } finally {
    await state.members.leaveAll(String(stop.graceful.reason ?? 'a fault'));
    await instance.release();
    await state.close();
  }
}

function refuseNothing({ readings, absent, hasDirectory }: Look): void {
  if (hasDirectory || readings.some(({ outcome }) => outcome.kind === 'good')) return;
  const problems = [
    ...readings.flatMap(({ path, outcome }) =>
      outcome.kind === 'bad' ? [`${path}: ${outcome.problem}`] : [],
    ),
    ...[...absent].map(([path, problem]) => `${path}: ${problem}`),
  ];
  throw new AgentError('settings-invalid', problems.join('\n'));
}

interface State {
  readonly reader: Reader;
  readonly members: Members;
  readonly turns: Gate;
  readonly voice: Voice;
  readonly summary: () => Summary;
  readonly logOf: (id: string) => MemberLog;
  /** What the agents of those that run answer. */
  readonly pages: ReadonlyMap<string, Pages>;
  /** Set when all are to stop: from then on they wait for each other. */
  readonly setBarrier: (barrier: Barrier) => void;
  readonly close: () => Promise<void>;
}

function createState(parts: CrewParts, reader: Reader): State {
  const { config, crew, env, clock, logger } = parts;
  const logs = new Map<string, MemberLog>();
  const pages = new Map<string, Pages>();
  let barrier: Barrier | undefined;
  const notifier = connectServiceManager({
    ...{ env, clock, logger, pid: process.pid },
    patience: { startMs: config.controlPlane.retryMaxMs + START_MS, stopMs: 0 },
    // That this runs at all: each Envoy is looked after by its agent.
    isHealthy: () => true,
  });
  const memory = returnIdleMemory(clock);
  const gate = createGate({ places: Math.max(4, availableParallelism()), mostMs: START_MOST_MS, clock });
  const { parentShutdownMs, childLiveMs } = config.envoy;
  const turns = createGate({ places: 1, mostMs: parentShutdownMs + childLiveMs + TURN_SLACK_MS, clock });
  const logOf = (id: string): MemberLog => {
    const log = logs.get(id) ?? parts.openLog(id);
    logs.set(id, log);
    return log;
  };
  const members = createMembers({
    ...{ clock, logger },
    start: (entry, after) =>
      startMember({
        ...{ entry, after, gate, turns, clock },
        run: (attempt) =>
          runOne(parts, attempt, { log: logOf(idOf(entry)), members, pages, barrier: () => barrier }),
        logger: logOf(idOf(entry)).logger,
        backoff: createBackoff(RETRY),
        onChange: () => voice.changed(),
      }),
    onGone(id) {
      if (!members.all.has(id)) logs.delete(id);
      void barrier?.arrive(id);
      voice.changed();
    },
  });
  const seen = () => [...members.all].map(([id, { current, tried }]) => ({ id, current, tried }));
  const summary = () => summarize(seen(), members.problems, crew.places);
  const voice = createVoice({
    ...{ tell: notifier.tell, summary, clock, logger },
    onSettled: () => memory({ state: 'ready' }),
    onAllReady: () => parts.onReady?.(),
  });
  return {
    ...{ reader, members, turns, voice, summary, logOf, pages },
    setBarrier(given) {
      barrier = given;
    },
    close: () => notifier.close(),
  };
}

interface Berth {
  readonly log: MemberLog;
  readonly members: Members;
  readonly pages: Map<string, Pages>;
  readonly barrier: () => Barrier | undefined;
}

/** The agent of one proxy, from a start to its end. */
async function runOne(
  parts: CrewParts,
  attempt: Attempt,
  { log, members, pages, barrier }: Berth,
): Promise<void> {
  const { config, env, clock } = parts;
  const id = idOf(attempt.entry);
  try {
    await runAgent({
      ...{ ...attempt, ...log, clock },
      config: toMemberConfig(config, attempt.entry),
      env: withoutServiceManager(env),
      returnMemory: () => {},
      envoys: () => members.all.size,
      onPages: (given) => pages.set(id, given),
      afterDrain: async () => barrier()?.arrive(id),
    });
  } finally {
    pages.delete(id);
  }
}

function toPages({ summary, pages, members }: State): Pages {
  /** Silence would be taken for a proxy nobody wants. */
  const down = () =>
    [...members.all].flatMap(([id, { current, entry }]) =>
      pages.has(id) || current.state === 'held' ? [] : renderDown(entry),
    );
  return {
    '/ready': (): Answer => {
      const { allReady, text, lines } = summary();
      return { status: allReady ? 200 : 503, body: [text, ...lines].map((line) => `${line}\n`).join('') };
    },
    '/metrics': () => ({
      status: 200,
      body: mergeMetricPages([
        ...[...pages.values()].map((own) => own['/metrics']?.().body ?? ''),
        ...down(),
      ]),
    }),
  };
}

function toView(
  { config, clock }: CrewParts,
  { members, logOf }: State,
  detached: AbortController,
): CrewView {
  const since = clock.now();
  return {
    detach() {
      if (!config.envoy.keep)
        return { ok: false, text: 'the agent runs without --keep-envoy: its Envoys would end with it' };
      const all = [...members.all.values()];
      const left = all.filter((member) => member.detach());
      detached.abort('detached');
      return {
        ok: true,
        text: `the agent ends, ${left.length} of ${all.length} Envoys serve on; those that do not serve end`,
      };
    },
    statuses: () => [
      ...[...members.all.values()].map((member) => statusOfMember(member, process.pid)),
      ...members.problems
        .filter(({ keeps }) => keeps === undefined)
        .map((problem) => statusOfProblem(problem, process.pid, since)),
    ],
    member(id) {
      const member = members.all.get(id);
      return member === undefined ? undefined : { member, logs: logOf(id).logs };
    },
  };
}

interface Stoppable extends CrewParts {
  /** The process is to end without its Envoys. */
  readonly detached: AbortSignal;
}

async function untilStopped(parts: Stoppable, state: State, first: Look): Promise<void> {
  const { config, crew, clock, logger, stop, detached, wishes } = parts;
  const { members, voice, reader, setBarrier } = state;
  const apply = (look: Look): boolean => {
    const undecided = members.apply(look);
    voice.changed();
    return undecided;
  };
  logger.info(
    { places: crew.places, proxies: first.readings.length },
    'an agent for several proxies started',
  );
  if (config.envoy.keep) tellForgotten(config.runDir, first, logger);
  const places = followPlaces({ ...{ reader, first, clock, logger, apply }, places: crew.places });
  wishes.listen(createWishes(state));
  await Promise.race([aborted(stop.graceful), aborted(detached)]);
  places.stop();
  wishes.dispose();
  const cause = String(stop.graceful.aborted ? stop.graceful.reason : detached.reason);
  voice.stopping(cause, config.envoy.drainTimeMs + config.appStopTimeoutMs + END_MS);
  const { afterDrain } = parts;
  if (afterDrain !== undefined) setBarrier(createBarrier(members.all.keys(), afterDrain));
  const ended = members.leaveAll(cause);
  void aborted(stop.immediate).then(() => members.hurryAll(String(stop.immediate.reason)));
  await ended;
}

/** A restart goes through the crew one after the other: the host never carries two Envoys for each of them. */
function createWishes({ members, turns, voice }: State): WishListeners {
  let underWay = false;
  /** Asked for while a round is under way: those that had their turn may lack what it is for. */
  let again: string | undefined;
  const restartEach = async (cause: string): Promise<void> => {
    for (const member of [...members.all.values()]) {
      const leave = await turns.enter();
      await member.restart(cause).finally(leave);
    }
  };
  const restartAll = async (cause: string): Promise<void> => {
    again = cause;
    if (underWay) return;
    underWay = true;
    voice.reloading();
    try {
      for (let next: string | undefined = cause; next !== undefined; next = again) {
        again = undefined;
        await restartEach(next);
      }
    } finally {
      voice.reloaded();
      underWay = false;
    }
  };
  return {
    onRestart: restartAll,
    onDrain(cause) {
      for (const member of members.all.values()) member.drain(cause);
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
