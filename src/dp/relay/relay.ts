import { DATAPLANE_RESOURCE } from '../../bootstrap/contract.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { decodeDeltaRequest, encodeDeltaResponse } from './codec/delta.ts';
import { withNodeMetadata } from './codec/node.ts';
import { decodeSotwRequest, encodeSotwResponse } from './codec/sotw.ts';
import { WireError } from './codec/wire.ts';
import type { ListenerGate } from './core/gate.ts';
import { type Mode, PeerLimitError, type PeerResponse } from './core/peer.ts';
import { RelayCore } from './core/relay-core.ts';
import type { RelayEvent } from './core/relay-event.ts';
import type { RelaySnapshot } from './core/snapshot.ts';
import { type ServerStream, type StreamHandler, startGrpcServer } from './grpc/server.ts';
import { RESOURCE_EXHAUSTED, UNKNOWN } from './grpc/status.ts';
import { HDS_PATH, HdsRelay } from './link/hds-relay.ts';
import { type LinkStatus, UpstreamLink, type UpstreamLinkOptions } from './link/upstream-link.ts';
import { EPOCH_HEADER } from './overlay.ts';
import type { RelayTarget } from './target.ts';

/**
 * Envoy talks xDS to the agent, and the agent to the control plane: one stream upward whatever happens to Envoys
 * below. The relay knows no Envoy types: resources are bytes with a name, kept as long as somebody needs them.
 * `core` decides, `grpc` moves bytes, `codec` reads envelopes; this file ties them together.
 */
export interface Relay {
  readonly status: RelayStatus;
  /** What the serving Envoy accepted; undefined while none has served. */
  accepted(): RelaySnapshot | undefined;
  /** A known good configuration to serve until the control plane says more; connects with its node. */
  restore(snapshot: RelaySnapshot): void;
  /** The same for Envoys that come with nothing; one that has a configuration already keeps it until then. */
  reserve(snapshot: RelaySnapshot): void;
  /** Serves this generation, refusing upward what differs, until `unpin`. */
  pin(snapshot: RelaySnapshot, reason: string): void;
  unpin(): void;
  /** An Envoy of this epoch gets no listeners until `admit`. */
  hold(epoch: number): void;
  admit(epoch: number): void;
  /** Where the next stream goes; the present one stays. */
  retarget(target: RelayTarget): void;
  /** A new stream to the control plane, for example with a new token; `why` is for people. */
  reconnect(why: string): void;
  /** Envoys lose their streams; they serve on with what they have. */
  close(): Promise<void>;
}

export interface RelayStatus {
  readonly upstream: LinkStatus;
  readonly envoys: readonly { readonly epoch: number; readonly live: boolean }[];
  /** Responses of the control plane that no Envoy has reacted to. */
  readonly unanswered: number;
}

export interface RelayOptions {
  readonly socketPath: string;
  readonly target: RelayTarget;
  /** Headers of each next stream, over those of the bootstrap: tokens change. */
  readonly metadata?: () => Readonly<Record<string, string>>;
  /** Whom to call, where there is a choice. */
  readonly choose?: NonNullable<UpstreamLinkOptions['choose']>;
  readonly onRefused?: NonNullable<UpstreamLinkOptions['onRefused']>;
  readonly timing?: NonNullable<UpstreamLinkOptions['timing']>;
  /** Text of the Dataplane that the agent brings, as it is for the next stream; undefined: it brings none. */
  readonly dataplane?: () => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
  readonly onEvent?: (event: RelayEvent) => void;
  /** Which listeners may go to an Envoy; all, without it. */
  readonly gate?: ListenerGate;
  readonly pingIntervalMs?: number;
  readonly pingTimeoutMs?: number;
}

const ADS_PATHS: ReadonlyMap<string, Mode> = new Map([
  ['/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources', 'delta'],
  ['/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources', 'sotw'],
]);

export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { clock, logger, random = Math.random } = options;
  let { target } = options;
  const metadata = () => ({ ...target.metadata, ...options.metadata?.() });
  const { pingIntervalMs, pingTimeoutMs } = options;
  const pings = {
    ...(pingIntervalMs === undefined ? {} : { pingIntervalMs }),
    ...(pingTimeoutMs === undefined ? {} : { pingTimeoutMs }),
  };
  const core = new RelayCore({
    ...(options.gate === undefined ? {} : { gate: options.gate }),
    clock,
    toUpstreamNode: (node) => withDataplane(node, options.dataplane?.()),
    onEvent: (event) => {
      logEvent(logger, event);
      // Not before the core is done with this event.
      if (event.event === 'live') queueMicrotask(() => hds.update());
      options.onEvent?.(event);
    },
  });
  const hds = new HdsRelay({ clock, metadata, random, servingEpoch: () => core.decider?.epoch });
  const link = new UpstreamLink({
    ...options,
    target: () => target,
    core,
    metadata,
    random,
    timing: () => ({ ...pings, ...options.timing?.() }),
    onConnection: (connection) => hds.setConnection(connection),
  });
  const server = await startGrpcServer(options.socketPath, (path, stream) => {
    const mode = ADS_PATHS.get(path);
    if (mode !== undefined) return serveAds({ core, link, logger }, mode, stream);
    return path === HDS_PATH ? hds.accept(epochOf(stream), stream) : undefined;
  });
  return {
    get status() {
      const envoys = [...core.peers].map(({ epoch, live }) => ({ epoch, live }));
      return { upstream: link.status, envoys, unanswered: core.unanswered };
    },
    accepted: () => core.accepted(),
    restore(snapshot) {
      core.restore(snapshot);
      if (core.node !== undefined) link.start();
    },
    reserve(snapshot) {
      core.reserve(snapshot);
      if (core.node !== undefined) link.start();
    },
    pin: (snapshot, reason) => core.pin(snapshot, reason),
    unpin: () => core.unpin(),
    hold: (epoch) => core.hold(epoch),
    admit: (epoch) => core.admit(epoch),
    retarget(next) {
      target = next;
    },
    reconnect: (why) => link.reconnect(why),
    async close() {
      hds.stop();
      link.stop();
      core.stop();
      await server.close();
    },
  };
}

interface AdsParts {
  readonly core: RelayCore;
  readonly link: UpstreamLink;
  readonly logger: Logger;
}

function serveAds({ core, link, logger }: AdsParts, mode: Mode, stream: ServerStream): StreamHandler {
  const sink = {
    get writable() {
      return stream.writable;
    },
    send: (message: PeerResponse) => stream.send(encode(message)),
  };
  const peer = core.connect({ epoch: epochOf(stream), mode, sink });
  return {
    onMessage(message) {
      try {
        if (mode === 'delta') core.receiveDelta(peer, decodeDeltaRequest(message));
        else core.receiveSotw(peer, decodeSotwRequest(message));
      } catch (error) {
        if (!(error instanceof WireError) && !(error instanceof PeerLimitError)) throw error;
        const code = error instanceof WireError ? UNKNOWN : RESOURCE_EXHAUSTED;
        logger.warn(
          { epoch: peer.epoch, reason: error.message },
          'an Envoy sent a request that cannot be used',
        );
        return stream.end({ code, message: error.message });
      }
      // The control plane wants to know who asks: the first Envoy brings the words for it.
      if (core.node !== undefined) link.start();
    },
    onDrain: () => core.writable(peer),
    onClose: () => core.disconnect(peer),
  };
}

/** Envoys know the Dataplane of their start; it may be another one by now. */
function withDataplane(node: Uint8Array, dataplane: string | undefined): Uint8Array {
  if (dataplane === undefined) return node;
  try {
    return withNodeMetadata(node, DATAPLANE_RESOURCE, dataplane);
  } catch {
    // No node that anybody could read: the control plane will say so.
    return node;
  }
}

function epochOf({ headers }: ServerStream): number {
  const epoch = Number(headers[EPOCH_HEADER] ?? 0);
  return Number.isInteger(epoch) && epoch >= 0 ? epoch : 0;
}

function encode(message: PeerResponse): Uint8Array {
  return message.mode === 'delta'
    ? encodeDeltaResponse(message.response)
    : encodeSotwResponse(message.response);
}

function logEvent(logger: Logger, event: RelayEvent): void {
  if (event.event === 'refused') {
    const { typeUrl, epoch, message } = event;
    const type = typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
    logger.warn({ type, epoch, reason: message.slice(0, 500) }, 'Envoy refuses a part of its configuration');
  } else if (event.event === 'live') logger.debug({ epoch: event.epoch }, 'an Envoy has its listeners');
}
