import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { type Logger, silentLogger } from '../../src/lib/logger.ts';
import { type AdsService, registerAdsService } from '../../src/xds/ads-service.ts';
import { createSnapshotCache, type SnapshotCache } from '../../src/xds/cache.ts';
import type { AdsCallbacks } from '../../src/xds/callbacks.ts';
import { createGrpcServer, type GrpcServerOptions } from '../../src/xds/grpc-server.ts';
import type { AdmissionOptions } from '../../src/xds/stream/admission.ts';
import type { AdsTarget } from './ads-channel.ts';

export interface TestAdsServerOptions extends GrpcServerOptions {
  readonly callbacks?: Partial<AdsCallbacks>;
  readonly admission?: AdmissionOptions;
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** PEM; without it plain TCP. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** The protocol server with a cache of its own, on a free port of the loopback. */
export interface TestAdsServer {
  readonly cache: SnapshotCache;
  readonly service: AdsService;
  readonly target: AdsTarget;
  /** What the callbacks were told, as `open m.a`, `sent m.a Cluster`, `closed m.a false`. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

export async function startAdsServer(options: TestAdsServerOptions = {}): Promise<TestAdsServer> {
  const cache = createSnapshotCache();
  const log: string[] = [];
  const server = createGrpcServer(options);
  const service = registerAdsService(server, {
    cache,
    callbacks: { ...recording(log), ...options.callbacks },
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
    admission: options.admission ?? { ratePerSecond: 100_000, burst: 100_000 },
  });
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const inject = (socket: net.Socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)).on('error', () => {}));
    injector.injectConnection(socket);
  };
  const sockets = new Set<net.Socket>();
  const listener =
    options.tls === undefined
      ? net.createServer({ noDelay: true }, inject)
      : tls.createServer({ ...options.tls, ALPNProtocols: ['h2'], noDelay: true }, inject);
  listener.on('tlsClientError', () => {});
  listener.listen(0, '127.0.0.1', 4096);
  await once(listener, 'listening');
  const { port } = listener.address() as net.AddressInfo;
  return {
    cache,
    service,
    target: { host: '127.0.0.1', port, ...(options.tls === undefined ? {} : { ca: options.tls.cert }) },
    log,
    async stop() {
      listener.close();
      await service.close();
      injector.destroy();
      for (const socket of sockets) socket.destroy();
      server.forceShutdown();
    },
  };
}

function recording(log: string[]): AdsCallbacks {
  const short = (typeUrl: string) => typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
  return {
    async onOpen({ node }) {
      log.push(`open ${node.id}`);
    },
    onSent: ({ node }, typeUrl) => void log.push(`sent ${node.id} ${short(typeUrl)}`),
    onAck: ({ node }, typeUrl) => void log.push(`ack ${node.id} ${short(typeUrl)}`),
    onNack: ({ node }, typeUrl, message) => void log.push(`nack ${node.id} ${short(typeUrl)} ${message}`),
    onClosed: ({ node }, graceful) => void log.push(`closed ${node.id} ${graceful}`),
  };
}
