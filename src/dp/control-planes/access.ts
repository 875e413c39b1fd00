// How one agent gets at its control planes: who it says it is, whom it asks, and where its stream goes.
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Logger } from '../../lib/logger.ts';
import { withAuthorization, withoutAuthorization } from '../bootstrap/authorization.ts';
import { withDataplane, withoutDataplane } from '../bootstrap/dataplane.ts';
import type { BootstrapFailure } from '../bootstrap/failure.ts';
import type { AgentConfig, ControlPlaneTarget, ProxyIdentity } from '../config/agent-config.ts';
import type { Upstream, UpstreamTiming } from '../relay/link/upstream.ts';
import { parseRelayTarget, type RelayTarget } from '../relay/target.ts';
import { describeClearText } from '../token/clear-text.ts';
import { followToken, type LiveTokenFile } from '../token/follow.ts';
import type { Token } from '../token/token.ts';
import { givenOf, urlOfGiven } from './given.ts';
import { startHomeComing } from './home-coming.ts';
import type { Place } from './place.ts';
import { type ControlPlanes, createControlPlanes } from './planes.ts';
import { probeGrpc } from './probe.ts';
import { systemResolver } from './resolve.ts';
import { withUpstreamOf } from './upstream-parts.ts';

export interface AccessOptions {
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
  /** A file with the token of this proxy, which may come to be. */
  readonly tokenFile?: LiveTokenFile;
}

/** The part of a relay that is moved. */
export interface MovedRelay {
  reconnect(why: string): void;
}

export interface Access {
  readonly planes: ControlPlanes;
  /** With the token and the Dataplane of now. */
  proxy(): ProxyIdentity;
  /** From now on the agent brings this Dataplane: the control plane is told with a new stream. */
  bring(resource: string): void;
  /** A control plane gave this bootstrap. */
  learn(place: Place, bootstrap: JsonObject): void;
  /** A request for the bootstrap failed; whether another token may come that mends it. */
  mayHeal(failure: BootstrapFailure): boolean;
  /** The control plane refused the stream for who we are. */
  onRefused(reason: string): void;
  /** What is kept of a bootstrap: nothing in it differs between control planes, tokens or Dataplanes alone. */
  settle(bootstrap: JsonObject): JsonObject;
  /** The bootstrap of a start without the control plane, which later ones are measured by. */
  begin(settled: JsonObject): void;
  /** The opposite of `settle`, for an Envoy that talks to the control plane itself. */
  complete(settled: JsonObject): JsonObject;
  /** Headers of the next stream, besides those of the bootstrap. */
  metadata(): Readonly<Record<string, string>>;
  /** Where the next stream goes; undefined where there is no choice and the bootstrap alone tells. */
  choose(): Promise<Upstream | undefined>;
  readonly timing: UpstreamTiming;
  /**
   * Who is asked for the bootstrap of a place whose stream is wanted, `hasty` with less patience; known only when Envoy
   * is.
   */
  ask: ((place: Place, hasty: boolean) => Promise<JsonObject>) | undefined;
  /** The relay runs; without one Envoy must be started anew with what changed. */
  attach(relay: MovedRelay | undefined, restart: (cause: string) => void): void;
  stop(): void;
}

/** With a choice a silent control plane is left sooner. */
const HASTY: UpstreamTiming = { connectTimeoutMs: 3_000, pingIntervalMs: 4_000, pingTimeoutMs: 3_000 };

export function openAccess(options: AccessOptions): Access {
  const { config, clock, logger, random = Math.random } = options;
  const { controlPlane, proxy, xdsRelay } = config;
  const planes = createControlPlanes({
    ...{ given: givenOf(controlPlane), clock, logger, random, resolver: systemResolver },
    inOrder: controlPlane.inOrder === true,
    proxy: `${proxy.mesh}/${proxy.name}`,
  });
  const targets = new Map<string, RelayTarget>();
  const slow = new Set<string>();
  let base: JsonObject | undefined;
  let { resource } = proxy;
  let move = (_why: string): void => {};
  const token = followToken({
    file: options.tokenFile,
    obstacle: describeClearText(givenOf(controlPlane).map(urlOfGiven))[0],
    source: config.tokenSource,
    first: proxy.token,
    bearer: proxy,
    clock,
    logger,
    onChange: () => move('a new token'),
  });
  const learn = (place: Place, bootstrap: JsonObject): void => {
    const parsed = parseRelayTarget(bootstrap, trustOf(controlPlane));
    if (parsed.ok) targets.set(place.key, dialled(parsed.target, place));
  };
  const targetOf = async (place: Place): Promise<RelayTarget> => {
    const known = targets.get(place.key);
    if (known !== undefined) return known;
    if (self.ask === undefined) throw new Error('nobody knows its xDS server yet');
    // One that may only be slow gets more time when it is its turn again.
    const hasty = planes.several && !slow.delete(place.key);
    if (hasty) slow.add(place.key);
    learn(place, await self.ask(place, hasty));
    slow.delete(place.key);
    const target = targets.get(place.key);
    if (target === undefined) throw new Error('its bootstrap names no xDS server');
    return target;
  };
  const homeComing = startHomeComing({
    ...{ planes, clock, logger, random, returnAfterMs: controlPlane.returnAfterMs ?? 0 },
    async probe(place) {
      try {
        // What was learned before it went away may not hold any more.
        targets.delete(place.key);
        await probeGrpc(await targetOf(place), clock);
        return true;
      } catch (error) {
        logger.debug(
          { place: place.key, cause: describeError(error) },
          'the preferred control plane is not well',
        );
        return false;
      }
    },
    onReturn: () => move('the preferred control plane is back'),
  });
  const self: Access = {
    planes,
    proxy: () => withToken(resource === undefined ? proxy : { ...proxy, resource }, token),
    bring(text) {
      resource = text;
      move('the Dataplane changed');
    },
    learn,
    mayHeal({ auth, message }) {
      if (auth === true) token.refused(message);
      return auth === true && token.mayChange;
    },
    onRefused: token.refused,
    settle(bootstrap) {
      const bare = token.current === undefined ? bootstrap : withoutAuthorization(bootstrap);
      if (!xdsRelay) return bare;
      const kept = resource === undefined ? bare : withoutDataplane(bare);
      base ??= kept;
      return planes.several ? withUpstreamOf(base, kept) : kept;
    },
    begin(settled) {
      base = settled;
    },
    complete: (settled) =>
      withAuthorization(resource === undefined ? settled : withDataplane(settled, resource), token.current),
    metadata: () => (token.current === undefined ? {} : { authorization: token.current }),
    async choose() {
      await planes.list();
      if (!planes.several) return undefined;
      const place = await planes.next();
      return chooseFrom(place, { planes, targetOf, targets });
    },
    get timing() {
      return planes.several ? HASTY : {};
    },
    ask: undefined,
    attach(relay, restart) {
      move = (why) => (relay === undefined ? restart(why) : relay.reconnect(why));
    },
    stop() {
      homeComing.stop();
      token.stop();
    },
  };
  return self;
}

function withToken(proxy: ProxyIdentity, { current }: Token): ProxyIdentity {
  const { token: _first, ...rest } = proxy;
  return current === undefined ? rest : { ...rest, token: current };
}

interface Choice {
  readonly planes: ControlPlanes;
  readonly targetOf: (place: Place) => Promise<RelayTarget>;
  readonly targets: Map<string, RelayTarget>;
}

async function chooseFrom(place: Place, { planes, targetOf, targets }: Choice): Promise<Upstream> {
  let turn = 0;
  const failed = (): void => {
    planes.failed(place, 'stream');
    // Its bootstrap says where its stream is now; it is asked again.
    targets.delete(place.key);
  };
  try {
    const { endpoints } = await targetOf(place);
    const endpoint = endpoints[turn++ % endpoints.length];
    if (endpoint === undefined) throw new Error('its bootstrap names no xDS server');
    return { name: place.key, endpoint, opened: () => planes.opened(place), failed };
  } catch (error) {
    failed();
    throw new Error(`${place.key}: ${describeError(error)}`);
  }
}

/** A name with several addresses: the stream goes to the host that answered, under the name its certificate has. */
function dialled(target: RelayTarget, { url, address }: Place): RelayTarget {
  if (address === undefined) return target;
  const endpoints = target.endpoints.map(({ host, port, tls }) => {
    if (host !== url.hostname) return { host, port, ...(tls === undefined ? {} : { tls }) };
    const named =
      tls === undefined
        ? {}
        : { tls: { ...tls, names: tls.names.length === 0 ? [host] : tls.names, sni: tls.sni ?? host } };
    return { host: address, port, ...named };
  });
  return { ...target, endpoints };
}

function trustOf({ caCert, skipVerify }: ControlPlaneTarget) {
  return { caCert, skipVerify };
}
