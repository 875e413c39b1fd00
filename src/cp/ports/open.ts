import type { RequestListener } from 'node:http';
import * as grpc from '@grpc/grpc-js';
import { loadTemplate } from '../../bootstrap/load-template.ts';
import type { Logger } from '../../lib/logger.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import { createDiagnostics, createMetricsRegistry } from '../api/diagnostics.ts';
import { closeHttpServer, createHttpServer } from '../api/http-server.ts';
import { answerBootstrap } from '../bootstrap/handler.ts';
import { createBootstrapListener } from '../bootstrap/http.ts';
import type { ControlPlaneConfig, ListenConfig } from '../config/config.ts';
import { DpServer } from '../dp-server/dp-server.ts';
import type { ProxyHealth } from '../lifecycle/health.ts';
import type { ProxyStreams } from '../lifecycle/proxy-streams.ts';
import type { ResourceManager } from '../resources/manager.ts';
import type { ServingIdentity } from '../tls/serving-identity.ts';
import { listen } from './listen.ts';
import { MixedServer } from './mixed-server.ts';

/** The parts that the ports lead to, built before any port opens. */
export interface PortTargets {
  readonly config: ControlPlaneConfig;
  readonly identity: ServingIdentity;
  readonly manager: ResourceManager;
  readonly streams: ProxyStreams;
  readonly health: ProxyHealth;
  readonly grpcServer: grpc.Server;
  /** Tells every proxy that this control plane goes. */
  readonly endStreams: () => Promise<void>;
  readonly api: RequestListener;
  readonly logger: Logger;
  /** Registers what closes all ports. */
  readonly onStop: (end: () => Promise<void>) => void;
}

/** `onStop` takes what closes one port. */
type Opening = PortTargets;

export interface ControlPlanePorts {
  readonly http: number | undefined;
  readonly https: number | undefined;
  readonly bootstrap: number | undefined;
  readonly dpServer: number;
  readonly diagnostics: number;
}

const CLOSE_GRACE_MS = 2_000;

/** Opens all ports, diagnostics first and ready last. Throws PortError when one is not to be had. */
export async function openPorts(targets: PortTargets): Promise<ControlPlanePorts> {
  let ready = false;
  const ends: (() => Promise<void>)[] = [];
  // All at once: each may take its whole grace, and a stop takes no longer than the slowest.
  targets.onStop(async () => {
    ready = false;
    await Promise.all(ends.map((end) => end()));
  });
  const onStop = (end: () => Promise<void>) => void ends.push(end);
  const opening: Opening = { ...targets, onStop };
  const diagnostics = await openDiagnostics(opening, () => ready);
  const dpServer = await openDpServer(opening);
  const bootstrap = bootstrapListener(opening, dpServer);
  const http = await openHttp(opening, targets.config.api.http, targets.api, HTTP);
  const { https, plain } = await openMixed(opening, bootstrap);
  ready = true;
  const ports = { http, https, bootstrap: plain, dpServer, diagnostics };
  targets.logger.info(ports, 'control plane is ready');
  return ports;
}

const HTTP = { purpose: 'the REST API', setting: 'apiServer.http.port (KUMA_API_SERVER_HTTP_PORT)' };
const HTTPS = {
  purpose: 'the REST API over TLS',
  setting: 'apiServer.https.port (KUMA_API_SERVER_HTTPS_PORT)',
};
const BOOTSTRAP = {
  purpose: 'the bootstrap server',
  setting: 'bootstrapServer.port (KUMA_BOOTSTRAP_SERVER_PORT)',
};
const DP_SERVER = { purpose: 'the xDS server', setting: 'dpServer.port (KUMA_DP_SERVER_PORT)' };
const DIAGNOSTICS = {
  purpose: 'the diagnostics server',
  setting: 'diagnostics.serverPort (KUMA_DIAGNOSTICS_SERVER_PORT)',
};

async function openDiagnostics({ config, logger, onStop }: Opening, ready: () => boolean): Promise<number> {
  const server = createHttpServer(createDiagnostics({ ready, registry: createMetricsRegistry(), logger }));
  const { port } = await listen(server, at(config.diagnostics), DIAGNOSTICS);
  onStop(() => closeHttpServer(server, CLOSE_GRACE_MS));
  return port;
}

async function openDpServer(targets: Opening): Promise<number> {
  const { config, identity, grpcServer, logger, endStreams, onStop } = targets;
  const injector = grpcServer.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  // Agents need the port that was bound, which is known only after listening.
  let onRequest: RequestListener = (_request, response) => void response.writeHead(503).end();
  const server = new DpServer({
    identity: identity.current,
    logger,
    onGrpc: (socket) => injector.injectConnection(socket),
    onRequest: (request, response) => onRequest(request, response),
  });
  const { port } = await listen(server.server, at(config.dpServer), DP_SERVER);
  onRequest = bootstrapListener(targets, port);
  identity.onChange((next) => server.setIdentity(next));
  onStop(() =>
    server.close(async () => {
      await endStreams();
      // Ends each connection once its streams' last words are on it.
      grpcServer.tryShutdown(() => {});
    }),
  );
  return port;
}

function bootstrapListener(
  { config, identity, manager, streams, health, logger }: Opening,
  xdsPort: number,
): RequestListener {
  const context = {
    template: loadTemplate('sidecar'),
    getDataplane: async (mesh: string, name: string) =>
      (await manager.get({ type: 'Dataplane', mesh, name }))?.spec as DataplaneSpec | undefined,
    meshExists: async (name: string) => (await manager.get({ type: 'Mesh', mesh: '', name })) !== undefined,
    xdsHost: config.bootstrap.xdsHost,
    xdsPort: config.bootstrap.xdsPort ?? xdsPort,
    caPem: () => identity.current.caPem,
    coversHost: (host: string) => identity.covers(host),
    adminPort: config.bootstrap.adminPort,
  };
  return createBootstrapListener({
    bootstrap: (call) => answerBootstrap(call, context),
    leave: (proxy) => streams.leave(proxy),
    health: (proxy, word) => health.report(proxy, word),
    logger,
  });
}

async function openHttp(
  { onStop }: Opening,
  place: ListenConfig,
  handle: RequestListener,
  what: typeof HTTP,
): Promise<number | undefined> {
  if (!place.enabled) return undefined;
  const server = createHttpServer(handle);
  const { port } = await listen(server, at(place), what);
  onStop(() => closeHttpServer(server, CLOSE_GRACE_MS));
  return port;
}

/** REST over TLS and the plain bootstrap: one socket when both want the same place, else two. */
async function openMixed(
  targets: Opening,
  plain: RequestListener,
): Promise<{ https?: number; plain?: number }> {
  const { config, identity, api, onStop } = targets;
  const { https } = config.api;
  const together = https.enabled && config.bootstrap.enabled && samePlace(https, config.bootstrap);
  if (!https.enabled)
    return { ...optional('plain', await openHttp(targets, config.bootstrap, plain, BOOTSTRAP)) };
  const overTls = createHttpServer(api);
  const refuse: RequestListener = (_request, response) =>
    void response.writeHead(400).end('Client sent an HTTP request to an HTTPS server.\n');
  const server = new MixedServer({ identity: identity.current, overTls, plain: together ? plain : refuse });
  const { port } = await listen(server.server, at(https), HTTPS);
  identity.onChange((next) => server.setIdentity(next));
  onStop(() => server.close(CLOSE_GRACE_MS));
  if (together) return { https: port, plain: port };
  return { https: port, ...optional('plain', await openHttp(targets, config.bootstrap, plain, BOOTSTRAP)) };
}

function optional(key: 'plain', port: number | undefined): { plain?: number } {
  return port === undefined ? {} : { [key]: port };
}

function samePlace(a: ListenConfig, b: ListenConfig): boolean {
  return a.interface === b.interface && a.port === b.port;
}

function at({ interface: host, port }: ListenConfig): { host: string; port: number } {
  return { host, port };
}
