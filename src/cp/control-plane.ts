import { randomUUID } from 'node:crypto';
import { buildInfo } from '../lib/build-info.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { describeError } from '../lib/coded-error.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Logger } from '../lib/logger.ts';
import { registerAdsService } from '../xds/ads-service.ts';
import { createSnapshotCache } from '../xds/cache.ts';
import { createGrpcServer } from '../xds/grpc-server.ts';
import { createApi } from './api/server.ts';
import type { ControlPlaneConfig } from './config/config.ts';
import { ProxyInsights } from './insights/proxy-insights.ts';
import { startCleanup } from './lifecycle/cleanup.ts';
import { followDataplanes } from './lifecycle/follow-dataplanes.ts';
import { ProxyHealth } from './lifecycle/health.ts';
import { ProxyLeases } from './lifecycle/leases.ts';
import { ProxyStreams } from './lifecycle/proxy-streams.ts';
import { RefusalLog } from './lifecycle/refusal-log.ts';
import { createProxyRegistry } from './lifecycle/registration.ts';
import { restoreProxies } from './lifecycle/restore.ts';
import { type ControlPlanePorts, openPorts } from './ports/open.ts';
import { createAdvise } from './resources/advice.ts';
import { ensureClusterId } from './resources/cluster-id.ts';
import { ensureDefaultMesh } from './resources/defaults.ts';
import { createResourceManager, type ResourceManager } from './resources/manager.ts';
import { openStore } from './store/open.ts';
import { createMeshSync, type MeshSync } from './sync/mesh-sync.ts';
import { createServingIdentity } from './tls/serving-identity.ts';

/** The composition root of kuma-cp: builds the parts in order and nothing else. */
export interface ControlPlane {
  /** Ports as bound, for a configuration that lets the kernel choose; undefined where one is switched off. */
  readonly ports: ControlPlanePorts;
  /** Ends streams in good order, then everything else; resolves when nothing is left. */
  stop(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly config: ControlPlaneConfig;
  /** The effective configuration for people, without secrets. */
  readonly described: JsonObject;
  readonly logger: Logger;
  readonly hostname: string;
  readonly clock?: Clock;
}

const INSIGHT_FLUSH_MS = 1_000;
const COUNTER_FLUSH_MS = 10_000;

/** Starts everything or, when a part cannot start, ends what was started and throws. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const started = new Started(options.logger);
  try {
    const ports = await build(options, started);
    return { ports, stop: () => started.end() };
  } catch (error) {
    await started.end();
    throw error;
  }
}

/** What was started, to be ended in the opposite order. */
class Started {
  readonly #ends: (() => Promise<void> | void)[] = [];
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(end: () => Promise<void> | void): void {
    this.#ends.push(end);
  }

  /** One part that cannot end in good order keeps no other from it: the store is closed in any case. */
  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) {
      try {
        await end();
      } catch (error) {
        this.#logger.error(
          { error: describeError(error) },
          'a part of the control plane did not end in good order',
        );
      }
    }
  }
}

async function build(options: ControlPlaneOptions, started: Started): Promise<ControlPlanePorts> {
  const { config, logger, hostname, clock = systemClock } = options;
  const instanceId = `${hostname}-${randomUUID().slice(0, 4)}`;
  const identity = await createServingIdentity({ config, clock, logger });
  started.add(() => identity.stop());
  const store = await openStore(config.store, { logger, clock });
  started.add(() => store.close());
  const manager = createResourceManager({
    store,
    logger,
    zone: config.zoneName,
    advise: createAdvise(store),
  });
  if (config.defaultMesh.create) await ensureDefaultMesh(manager, config.defaultMesh.document);

  const cache = createSnapshotCache();
  const sync = createMeshSync({ store, cache, logger, clock });
  const proxies = createProxies({ ...options, clock, instanceId, manager, sync });
  await restoreProxies({ manager, ...proxies });
  started.add(followDataplanes(store, proxies.streams));
  started.add(() => proxies.insights.flush());
  started.add(() => proxies.leases.stop());
  started.add(() => proxies.health.stop());
  await sync.start();
  started.add(() => sync.stop());
  started.add(
    startCleanup({
      manager,
      insights: proxies.insights,
      clock,
      logger,
      ageMs: config.lifecycle.cleanupAgeMs,
    }),
  );

  const grpcServer = createGrpcServer();
  started.add(() => grpcServer.forceShutdown());
  const ads = registerAdsService(grpcServer, {
    cache,
    callbacks: proxies.streams,
    logger,
    clock,
    admission: { ratePerSecond: config.admissionRate, burst: Math.ceil(config.admissionRate / 5) },
  });
  const api = await createApi({
    manager,
    insights: proxies.insights,
    config: options.described,
    identity: {
      version: buildInfo.version,
      instanceId,
      clusterId: await ensureClusterId(store, randomUUID),
      hostname,
    },
    logger,
    access: {
      hostNames: [hostname.toLowerCase(), ...config.hostNames],
      readOnly: config.api.readOnly,
      localhostIsAdmin: config.api.localhostIsAdmin,
    },
  });
  started.add(() => api.close());
  const endStreams = () => {
    proxies.streams.stopping();
    return ads.close();
  };
  const onStop = (end: () => Promise<void>) => started.add(end);
  return openPorts({
    config,
    identity,
    manager,
    streams: proxies.streams,
    health: proxies.health,
    grpcServer,
    endStreams,
    api: api.handle,
    logger,
    onStop,
  });
}

/** Leases, insights and streams, which know each other. */
function createProxies({
  config,
  logger,
  clock,
  instanceId,
  manager,
  sync,
}: ControlPlaneOptions & ProxyParts) {
  const insights = new ProxyInsights({
    clock,
    logger,
    instanceId,
    newId: randomUUID,
    flushMs: INSIGHT_FLUSH_MS,
    counterFlushMs: COUNTER_FLUSH_MS,
    write: async (batch) => {
      await manager.writeOwned(
        batch.map(({ proxy, spec }) => ({
          key: { type: 'DataplaneInsight', ...proxy },
          spec,
          owner: { type: 'Dataplane', ...proxy },
        })),
      );
    },
  });
  const health = new ProxyHealth({
    clock,
    logger,
    isKnown: async (proxy) => (await registry.find(proxy)) !== undefined,
    onLiveness: ({ mesh, name }, liveness) => sync.setLiveness(mesh, name, liveness),
    onIllness: (proxy, reason) => insights.ill(proxy, reason),
  });
  const leases = new ProxyLeases({
    clock,
    logger,
    graceMs: config.lifecycle.graceAfterStreamLossMs,
    leaseMs: config.lifecycle.leaseMs,
    onLiveness: (proxy, liveness) => health.setLiveness(proxy, liveness),
    onExpired: (proxy) => insights.expired(proxy),
  });
  const registry = createProxyRegistry({ manager, hasStream: (proxy) => streams.hasStream(proxy) });
  const streams: ProxyStreams = new ProxyStreams({
    registry,
    config: sync,
    leases,
    insights,
    leaseWithKeptEnvoyMs: config.lifecycle.leaseWithKeptEnvoyMs,
    refusals: new RefusalLog(clock, logger),
    onForgotten: (proxy) => health.forget(proxy),
    logger,
  });
  return { leases, insights, streams, health };
}

interface ProxyParts {
  readonly clock: Clock;
  readonly instanceId: string;
  readonly manager: ResourceManager;
  readonly sync: MeshSync;
}
