import { FEATURE_KEEP_ENVOY } from '../../bootstrap/contract.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { DiscoverySubscription } from '../../model/insight.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import { type AdsCallbacks, type StreamInfo, StreamRefused } from '../../xds/callbacks.ts';
import { broughtDataplane } from '../bootstrap/node-metadata.ts';
import { parseBootstrapVersion } from '../bootstrap/parse-request.ts';
import type { ProxyInsights } from '../insights/proxy-insights.ts';
import { SyncError } from '../sync/errors.ts';
import type { ProxyLeases } from './leases.ts';
import { type ProxyId, parseNodeId, toNodeId } from './proxy-id.ts';
import type { RefusalLog } from './refusal-log.ts';

/** Where Dataplanes are kept, as far as a stream's life touches them. */
export interface ProxyRegistry {
  find(proxy: ProxyId): Promise<DataplaneSpec | undefined>;
  /** Creates or updates the Dataplane an agent brought; throws StreamRefused with the reason. */
  register(proxy: ProxyId, resourceText: string): Promise<DataplaneSpec>;
  /** Removes the Dataplane if an agent brought it. */
  unregister(proxy: ProxyId): Promise<void>;
}

export interface ConfigSource {
  connect(
    proxy: ProxyId & { readonly nodeId: string; readonly metadata: Readonly<Record<string, unknown>> },
  ): Promise<void>;
  disconnect(nodeId: string): void;
}

export interface ProxyStreamsOptions {
  readonly registry: ProxyRegistry;
  readonly config: ConfigSource;
  readonly leases: ProxyLeases;
  readonly insights: ProxyInsights;
  /** Lease of a proxy whose agent keeps its Envoy running; the usual one is the leases' own. */
  readonly leaseWithKeptEnvoyMs: number;
  /** The Dataplane is gone, and with it all that was known of its proxy. */
  readonly onForgotten?: (proxy: ProxyId) => void;
  readonly refusals: RefusalLog;
  readonly logger: Logger;
}

/** A stream from its first request until it is closed. */
interface Life {
  readonly proxy: ProxyId;
  /** Its Dataplane is known and its configuration made; from here on it counts as connected. */
  open: boolean;
}

/**
 * Ties ADS streams to Dataplanes, leases and insights. Registering takes time, and meanwhile the stream may break, be
 * replaced, or its agent may announce its stop: what was true before an `await` is looked at again after it.
 */
export class ProxyStreams implements AdsCallbacks {
  readonly #options: ProxyStreamsOptions;
  readonly #lives = new Map<number, Life>();
  /** Node id to the id of its newest stream. */
  readonly #newest = new Map<string, number>();
  /** Node ids with a stream whose agent announced its stop. */
  readonly #left = new Set<string>();
  /** Node ids with a stream whose Dataplane was deleted. */
  readonly #orphaned = new Set<string>();
  #stopping = false;

  constructor(options: ProxyStreamsOptions) {
    this.#options = options;
  }

  async onOpen(stream: StreamInfo): Promise<void> {
    const nodeId = stream.node.id;
    const { refusals } = this.#options;
    const proxy = parseNodeId(nodeId);
    try {
      if (proxy === undefined) throw refuse(`invalid node id "${nodeId}": it has to be MESH.NAME`);
      this.#lives.set(stream.id, { proxy, open: false });
      this.#newest.set(nodeId, stream.id);
      this.#left.delete(nodeId);
      await this.#open(stream, proxy);
      refusals.accepted(nodeId);
    } catch (error) {
      const reason = toRefusal(error);
      if (reason instanceof StreamRefused) refusals.refused(nodeId, stream.peer, reason.message);
      throw reason;
    }
  }

  async #open(stream: StreamInfo, proxy: ProxyId): Promise<void> {
    const { registry, config, leases, insights, logger } = this.#options;
    const brought = broughtDataplane(stream.node.metadata);
    const spec = brought === undefined ? await registry.find(proxy) : await registry.register(proxy, brought);
    if (spec === undefined) {
      throw refuse(
        `resource "${stream.node.id}" not found; create a Dataplane ${proxy.name} in mesh ${proxy.mesh} first`,
      );
    }
    const address = spec.networking.advertisedAddress ?? spec.networking.address;
    if (!this.#lives.has(stream.id)) {
      if (brought !== undefined) await this.#cameAndWent(stream, proxy, address);
      return;
    }
    await config.connect({ ...proxy, nodeId: stream.node.id, metadata: stream.node.metadata });
    const life = this.#lives.get(stream.id);
    if (life === undefined) return;
    life.open = true;
    insights.opened(proxy, versionOf(stream));
    if (this.#left.has(stream.node.id)) insights.left(proxy);
    else leases.connected(proxy, address, this.#leaseOf(stream));
    logger.info(
      { ...proxy, peer: stream.peer, mode: stream.mode, envoy: stream.node.envoyVersion },
      'proxy connected',
    );
  }

  /** The stream of an agent broke while its Dataplane was being registered: what was registered has a lease like any other. */
  async #cameAndWent(stream: StreamInfo, proxy: ProxyId, address: string): Promise<void> {
    const { leases, insights } = this.#options;
    if (this.#stopping || this.#newest.has(stream.node.id)) return;
    insights.opened(proxy, versionOf(stream));
    insights.closed(proxy);
    leases.connected(proxy, address);
    leases.lost(proxy);
  }

  onSent(stream: StreamInfo, typeUrl: string): void {
    this.#with(stream, (proxy) => this.#options.insights.sent(proxy, typeUrl));
  }

  onAck(stream: StreamInfo, typeUrl: string): void {
    this.#with(stream, (proxy) => this.#options.insights.acknowledged(proxy, typeUrl));
  }

  onNack(stream: StreamInfo, typeUrl: string, message: string): void {
    this.#with(stream, (proxy) => {
      this.#options.insights.rejected(proxy, typeUrl, message);
      this.#options.logger.warn({ ...proxy, typeUrl, reason: message }, 'proxy rejected its configuration');
    });
  }

  onClosed(stream: StreamInfo, graceful: boolean): void {
    const life = this.#lives.get(stream.id);
    this.#lives.delete(stream.id);
    const nodeId = stream.node.id;
    // A newer stream of the node has everything else already.
    if (life === undefined || this.#newest.get(nodeId) !== stream.id) return;
    this.#newest.delete(nodeId);
    const { proxy, open } = life;
    const { config, insights, leases, logger } = this.#options;
    config.disconnect(nodeId);
    const left = this.#left.delete(nodeId);
    const orphaned = this.#orphaned.delete(nodeId);
    // The proxy did not go, we do: the next run of the control plane waits for it.
    if (this.#stopping) return;
    if (open) logger.info({ ...proxy, peer: stream.peer, graceful }, 'proxy disconnected');
    if (orphaned) this.#forget(proxy);
    else if (open) insights.closed(proxy);
    if (left) void this.#unregister(proxy);
    else if (open) leases.lost(proxy);
  }

  /**
   * The agent says that it stops: its endpoints are out before Envoy begins to drain. The proxy keeps its configuration
   * until its stream ends; only then a Dataplane that the agent brought is removed. False when nothing of it is known.
   */
  async leave(proxy: ProxyId): Promise<boolean> {
    const { registry, leases, insights, logger } = this.#options;
    if ((await registry.find(proxy)) === undefined) return false;
    leases.left(proxy);
    insights.left(proxy);
    logger.info({ ...proxy }, 'proxy announced its stop; its endpoints are out');
    if (this.hasStream(proxy)) this.#left.add(toNodeId(proxy));
    else await this.#unregister(proxy);
    return true;
  }

  /** A stream of the proxy is open or about to be. */
  hasStream(proxy: ProxyId): boolean {
    return this.#newest.has(toNodeId(proxy));
  }

  /** Its Dataplane was deleted. A proxy with a stream keeps what it has, and nothing is remembered after that. */
  deleted(proxy: ProxyId): void {
    if (this.hasStream(proxy)) this.#orphaned.add(toNodeId(proxy));
    else this.#forget(proxy);
  }

  /** A Dataplane was made, perhaps again under the eyes of its proxy. */
  created(proxy: ProxyId): void {
    if (this.#orphaned.delete(toNodeId(proxy))) this.#options.insights.rewrite(proxy);
  }

  /** From now on a closed stream is our own doing and says nothing of the proxy. */
  stopping(): void {
    this.#stopping = true;
  }

  #forget(proxy: ProxyId): void {
    this.#options.leases.forget(proxy);
    this.#options.insights.forget(proxy);
    this.#options.onForgotten?.(proxy);
  }

  #leaseOf({ node }: StreamInfo): number | undefined {
    const { features } = node.metadata;
    const keeps = Array.isArray(features) && features.includes(FEATURE_KEEP_ENVOY);
    return keeps ? this.#options.leaseWithKeptEnvoyMs : undefined;
  }

  async #unregister(proxy: ProxyId): Promise<void> {
    try {
      await this.#options.registry.unregister(proxy);
    } catch (error) {
      this.#options.logger.warn(
        { ...proxy, error: describeError(error) },
        'Dataplane of a proxy that left was not removed',
      );
    }
  }

  #with(stream: StreamInfo, act: (proxy: ProxyId) => void): void {
    const life = this.#lives.get(stream.id);
    if (life?.open === true) act(life.proxy);
  }
}

/** It travels in an HTTP/2 header, and a client cuts the connection for one that is too large. */
const MAX_REASON_LENGTH = 2_000;

function toRefusal(error: unknown): unknown {
  if (error instanceof SyncError) return refuse(error.message);
  if (!(error instanceof StreamRefused) || error.message.length <= MAX_REASON_LENGTH) return error;
  return new StreamRefused(error.code, `${error.message.slice(0, MAX_REASON_LENGTH)}...`);
}

function refuse(message: string): StreamRefused {
  return new StreamRefused('UNKNOWN', message);
}

/** Versions from the bootstrap's metadata; Envoy's own word where the agent told none. */
function versionOf({ node }: StreamInfo): DiscoverySubscription['version'] {
  const told = parseBootstrapVersion(node.metadata.version);
  const envoyVersion = told?.envoy.version || node.envoyVersion;
  return {
    ...(told === undefined ? {} : { kumaDp: told.kumaDp }),
    ...(envoyVersion === '' ? {} : { envoy: { ...told?.envoy, version: envoyVersion } }),
  };
}
