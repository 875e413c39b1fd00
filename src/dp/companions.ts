// What goes beside Envoy from the start of the agent to its end: the last known good state, and an eye on the
// application. The agent tells them what happens; they tell readiness and the control plane.
import { basename } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Logger } from '../lib/logger.ts';
import type { AdminPlace } from './admin-place.ts';
import { type AppWatch, describeIll, watchApplication } from './app-health/app-health.ts';
import { withoutAuthorization } from './bootstrap/authorization.ts';
import { reportHealth } from './bootstrap/client.ts';
import { withLocalFacts } from './bootstrap/local-facts.ts';
import { toHealthRequest } from './bootstrap/request.ts';
import type { AgentConfig } from './config/agent-config.ts';
import type { Access } from './control-planes/access.ts';
import { createAdminClient } from './envoy/admin-client.ts';
import type { AcceptedState } from './known-good/generation.ts';
import type { AskForBootstrap } from './known-good/offline-start.ts';
import { type RelayWatch, startRelayWatch, type WatchedRelay } from './known-good/relay-watch.ts';
import { type Begin, describeStale, openStateSession, type StateSession } from './known-good/session.ts';
import type { Answer } from './readiness/answer.ts';
import type { InstancePaths } from './run-dir/paths.ts';
import type { AgentState } from './state/agent-state.ts';

export interface CompanionParts {
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly paths: InstancePaths;
  readonly state: () => AgentState;
  readonly access: Access;
}

/** A relay that may be fed with what was saved. */
export interface FedRelay extends WatchedRelay {
  /** For Envoys that have nothing yet. */
  reserve(state: AcceptedState): void;
}

export interface Companions {
  readonly session: StateSession;
  /** Of Envoy, once it is known; stands in what is saved. */
  setEnvoyVersion(version: string): void;
  /**
   * The bootstrap to start with: the control plane's, else the last known good one with the token of today. `kind` says
   * which; `fresh` of a stale one resolves when the control plane is back.
   */
  begin(ask: AskForBootstrap<JsonObject>, readinessPort: number): Promise<Begin>;
  /** The same with an Envoy that serves already: the control plane is not waited for. */
  beginWith(received: JsonObject, ask: AskForBootstrap<JsonObject>): Begin;
  /** The agent's state changed; `received` is the bootstrap of the Envoy that serves, where one does. */
  onState(state: AgentState, received: JsonObject | undefined): void;
  /** What happens in the relay, from its start on. */
  onRelayEvent(event: { readonly event: string }): void;
  /** The relay runs; undefined where Envoy talks to the control plane itself. */
  attach(relay: FedRelay | undefined, begun: Begin, onReconnected: () => void): void;
  /** The answer of the readiness server, with what is known here. */
  answer(answer: Answer): Answer;
  /** Lines for the status. */
  marks(): readonly string[];
  /** Nothing of them is left afterwards. */
  stop(): Promise<void>;
}

export function startCompanions(parts: CompanionParts): Companions {
  const { config, clock, logger, paths, state } = parts;
  let envoyVersion = '';
  const session = openSession(parts, () => envoyVersion);
  const app = config.appHealth === undefined ? undefined : watchApp(parts, config.appHealth);
  let serving = false;
  let watch: RelayWatch | undefined;
  const marks = () => [
    ...(session.stale === undefined ? [] : describeStale(session.stale)),
    ...(app === undefined ? [] : [describeIll(app.health) ?? ''].filter((line) => line !== '')),
  ];
  return {
    session,
    setEnvoyVersion(version) {
      envoyVersion = version;
    },
    async begin(ask, readinessPort) {
      const begun = await session.begin(ask);
      if (begun.kind === 'fresh') return begun;
      const local = withLocalFacts(begun.bootstrap, { readinessPort, workdir: paths.dir });
      parts.access.begin(local);
      return { ...begun, bootstrap: local };
    },
    beginWith(received, ask) {
      parts.access.begin(received);
      const fresh = ask(() => true);
      fresh.catch(() => {});
      return { kind: 'adopted', bootstrap: received, fresh };
    },
    onState(now, received) {
      const serves = isServing(now);
      if (serves && received !== undefined) session.serving(withoutAuthorization(received));
      if (now.state === 'restarting' || (!serves && serving)) session.knownGood.envoyEnded();
      if (now.state === 'ready' || now.state === 'degraded') app?.envoyServing();
      // A drain sets Envoy's health itself, and nobody may put it right again.
      if (now.state === 'draining') void app?.stop();
      serving = serves;
    },
    onRelayEvent: (event) => watch?.onEvent(event),
    attach(relay, begun, onNewStream) {
      if (relay === undefined) {
        // Envoy's own stream leads where the bootstrap came from.
        if (begun.kind === 'stale') begun.fresh.then(session.markFresh, () => {});
        return;
      }
      if (begun.kind === 'stale' && begun.generation !== undefined) relay.restore(begun.generation.state);
      const { graceMs } = config.state;
      let answered = begun.kind === 'fresh';
      if (begun.kind !== 'fresh')
        begun.fresh.then(
          () => {
            answered = true;
          },
          () => {},
        );
      let first = true;
      const onReconnected = () => {
        app?.reconnected();
        if (!first) onNewStream();
        first = false;
      };
      // An Envoy that was adopted has what it needs, newer than what was saved: that is for its successor alone.
      const watched = begun.kind === 'adopted' ? reserving(relay) : relay;
      watch = startRelayWatch({
        ...{ relay: watched, session, clock, graceMs, onReconnected },
        answered: () => answered,
      });
    },
    answer: (answer) => mark(answer, app, state(), marks()),
    marks,
    async stop() {
      watch?.stop();
      await Promise.all([app?.stop(), session.knownGood.stop()]);
    },
  };

  function mark(
    answer: Answer,
    watch: AppWatch | undefined,
    now: AgentState,
    lines: readonly string[],
  ): Answer {
    const ill = watch === undefined ? undefined : describeIll(watch.health);
    if (answer.status === 200 && ill !== undefined && isServing(now))
      return { status: 503, body: `${ill}\n` };
    return { ...answer, body: [answer.body, ...lines.map((line) => `${line}\n`)].join('') };
  }

  function watchApp(
    { config: { controlPlane }, access }: CompanionParts,
    check: NonNullable<AgentConfig['appHealth']>,
  ) {
    return watchApplication({
      config: check,
      clock,
      logger,
      tell: (report) => reportHealth(controlPlane, toHealthRequest(access.proxy(), report), access.planes),
      postToEnvoy: async (path) => {
        if (!isServing(state())) throw new Error('no Envoy serves');
        await postOnce(placeOf(config, paths), path);
      },
    });
  }
}

function openSession(
  { config, clock, logger, paths }: CompanionParts,
  envoyVersion: () => string,
): StateSession {
  const { proxy, controlPlane, state, runDir } = config;
  return openStateSession({
    stateDir: state.dir,
    runDir,
    instance: basename(paths.dir),
    owner: {
      mesh: proxy.mesh,
      name: proxy.name,
      controlPlane: controlPlane.url.origin,
      get envoyVersion() {
        return envoyVersion();
      },
    },
    secretsOnDisk: state.secretsOnDisk,
    graceMs: state.graceMs,
    maxAgeMs: state.maxAgeMs,
    clock,
    logger,
  });
}

function reserving(relay: FedRelay): WatchedRelay {
  return {
    get status() {
      return relay.status;
    },
    accepted: () => relay.accepted(),
    restore: (state) => relay.reserve(state),
  };
}

function isServing({ state }: AgentState): boolean {
  return state === 'ready' || state === 'degraded' || state === 'handing-over';
}

/** Of the Envoy that serves, whichever it is. */
function placeOf(config: AgentConfig, paths: InstancePaths): AdminPlace {
  const { adminPort } = config.envoy;
  return adminPort === 0 ? { socketPath: paths.adminSocket } : { port: adminPort };
}

async function postOnce(place: AdminPlace, path: string): Promise<void> {
  const admin = createAdminClient(place);
  try {
    const { status } = await admin.post(path);
    if (status !== 200) throw new Error(`Envoy answers ${status}`);
  } finally {
    admin.close();
  }
}
