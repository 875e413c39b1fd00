import { FEATURE_KEEP_ENVOY } from '../../bootstrap/contract.ts';
import type { Logger } from '../../lib/logger.ts';
import type { DiscoverySubscription } from '../../model/insight.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import { type AdsCallbacks, type StreamInfo, StreamRefused } from '../../xds/callbacks.ts';
import { broughtDataplane } from '../bootstrap/node-metadata.ts';
import { parseBootstrapVersion } from '../bootstrap/parse-request.ts';
import type { ProxyInsights } from '../insights/proxy-insights.ts';
import type { ProxyLeases } from './leases.ts';
import { type ProxyId, parseNodeId, toNodeId } from './proxy-id.ts';

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
  readonly logger: Logger;
}

/** Ties ADS streams to Dataplanes, leases and insights. */
export class ProxyStreams implements AdsCallbacks {
  readonly #options: ProxyStreamsOptions;
  /** Streams that were admitted, by id; one that was refused never appears. */
  readonly #open = new Map<number, ProxyId>();
  readonly #left = new Set<string>();
  #stopping = false;

  constructor(options: ProxyStreamsOptions) {
    this.#options = options;
  }

  async onOpen(stream: StreamInfo): Promise<void> {
    const { registry, config, leases, insights, logger } = this.#options;
    const proxy = parseNodeId(stream.node.id);
    if (proxy === undefined) {
      throw new StreamRefused('UNKNOWN', `invalid node id "${stream.node.id}": it has to be MESH.NAME`);
    }
    const brought = broughtDataplane(stream.node.metadata);
    const spec = brought === undefined ? await registry.find(proxy) : await registry.register(proxy, brought);
    if (spec === undefined) {
      throw new StreamRefused(
        'UNKNOWN',
        `resource "${stream.node.id}" not found; create a Dataplane ${proxy.name} in mesh ${proxy.mesh} first`,
      );
    }
    await config.connect({ ...proxy, nodeId: stream.node.id, metadata: stream.node.metadata });
    this.#open.set(stream.id, proxy);
    this.#left.delete(stream.node.id);
    insights.opened(proxy, versionOf(stream));
    leases.connected(
      proxy,
      spec.networking.advertisedAddress ?? spec.networking.address,
      this.#leaseOf(stream),
    );
    logger.info(
      { ...proxy, peer: stream.peer, mode: stream.mode, envoy: stream.node.envoyVersion },
      'proxy connected',
    );
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
    this.#with(stream, (proxy) => {
      this.#open.delete(stream.id);
      const { config, insights, leases, logger } = this.#options;
      config.disconnect(stream.node.id);
      insights.closed(proxy);
      if (this.#stopping) return;
      logger.info({ ...proxy, peer: stream.peer, graceful }, 'proxy disconnected');
      if (this.#left.delete(stream.node.id)) void this.#unregister(proxy);
      else leases.lost(proxy);
    });
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
    if ([...this.#open.values()].some((p) => toNodeId(p) === toNodeId(proxy)))
      this.#left.add(toNodeId(proxy));
    else await this.#unregister(proxy);
    return true;
  }

  /** From now on a closed stream is our own doing and says nothing of the proxy. */
  stopping(): void {
    this.#stopping = true;
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
        { ...proxy, error: String(error) },
        'Dataplane of a proxy that left was not removed',
      );
    }
  }

  #with(stream: StreamInfo, act: (proxy: ProxyId) => void): void {
    const proxy = this.#open.get(stream.id);
    if (proxy !== undefined) act(proxy);
  }
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
