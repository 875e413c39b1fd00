import { readdirSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../../../src/lib/json.ts';
import type { RunningProgram } from '../../support/processes.ts';
import { waitUntil } from '../../support/processes.ts';
import { startBootstrapEditor } from './bootstrap-editor.ts';
import { call } from './calls.ts';
import { createTestMesh, type TestMesh } from './mesh.ts';

/** A mesh of one proxy, with a service that speaks HTTP and one that echoes TCP behind it. */
export interface OneProxy {
  readonly mesh: TestMesh;
  readonly httpPort: number;
  readonly tcpPort: number;
  /** Leads to the service that speaks HTTP, of which the mesh does not know that. */
  readonly plainPort: number;
  /** Starts the agent and waits until it is ready. */
  start(args?: string, env?: Record<string, string>): Promise<RunningProgram>;
  /** Starts the agent and waits for nothing. */
  launch(args?: string): RunningProgram;
  /** The file that the Envoys of the running agent use for their hot restarts. */
  sharedMemory(): Promise<string | undefined>;
  /** The one that serves, by the agent's own word. */
  status(): Promise<Status>;
  /** The next bootstrap is another one. */
  changeBootstrap(mark: string, parts?: BootstrapParts): void;
  /** How long bootstraps are held back. */
  slowBootstrap(ms: number): void;
  /** The proxy gets one more inbound for the service that speaks HTTP, in the place of an earlier such one. */
  addInbound(port: number): Promise<void>;
  /** A page of the admin interface of the Envoy that serves. */
  admin(path: string): Promise<string>;
  /** Whether the whole configuration is there: both listeners answer. */
  serves(): Promise<boolean>;
  close(): Promise<void>;
}

export interface BootstrapParts {
  /** A listener of its own on this port, which may be taken. */
  readonly port?: number;
  /** A cluster whose name this name server on loopback is to know: without its answer a start takes long. */
  readonly nameServer?: number;
}

/** The part of `kuma-dp status -o json` that tests look at. */
export interface Status {
  readonly state: string;
  readonly reason: string;
  readonly pid: number;
  readonly epoch: number;
  readonly restarts: number;
  readonly envoy: { readonly version: string; readonly path: string };
  readonly envoys: readonly { readonly pid: number; readonly epoch: number }[];
  readonly readinessPort: number;
  readonly lastHandOver?: { readonly cause: string; readonly ok: boolean; readonly reason: string };
  readonly crashes: readonly { readonly reason: string; readonly log: readonly string[] }[];
}

const HTTP_PORT = 15_001;
const TCP_PORT = 15_002;
const PLAIN_PORT = 15_005;
const SLOW_MS = 300;
const DATAPLANE = `type: Dataplane
mesh: bookinfo
name: web
networking:
  address: 127.0.0.1
  inbound:
  - port: ${HTTP_PORT}
    servicePort: 15101
    tags: {kuma.io/service: web, kuma.io/protocol: http}
  - port: ${TCP_PORT}
    servicePort: 15102
    tags: {kuma.io/service: echo, kuma.io/protocol: tcp}
  - port: ${PLAIN_PORT}
    servicePort: 15101
    tags: {kuma.io/service: plain}`;

export async function createOneProxy(): Promise<OneProxy> {
  const mesh = await createTestMesh();
  const services = [await startHttpService(15_101), await startEchoService(15_102)];
  await mesh.startControlPlane();
  const editor = await startBootstrapEditor(15_103, new URL('http://127.0.0.1:5682'));
  await mesh.apply('type: Mesh\nname: bookinfo');
  await mesh.apply(DATAPLANE);
  const status = async () => JSON.parse(await mesh.shell.ok('kuma-dp status web -o json')) as Status;
  return {
    mesh,
    httpPort: HTTP_PORT,
    tcpPort: TCP_PORT,
    plainPort: PLAIN_PORT,
    start: (args = '', env = {}) => mesh.startProxy('web', `--cp-address ${editor.url} ${args}`, env),
    launch: (args = '') =>
      mesh.shell.start(`kuma-dp run --cp-address ${editor.url} ${args}`, { KUMA_DATAPLANE_NAME: 'web' }),
    slowBootstrap: editor.slow,
    changeBootstrap: (mark, { port, nameServer } = {}) =>
      editor.edit(({ static_resources: before }) => ({
        node: { metadata: { 'test.mark': mark } },
        ...(port === undefined ? {} : { static_resources: withOne(before, 'listeners', echoListener(port)) }),
        ...(nameServer === undefined
          ? {}
          : { static_resources: withOne(before, 'clusters', slowCluster(nameServer)) }),
      })),
    async addInbound(port) {
      await mesh.apply(
        `${DATAPLANE}\n  - port: ${port}\n    servicePort: 15101\n    tags: {kuma.io/service: more, kuma.io/protocol: http}`,
      );
    },
    admin: (path) =>
      mesh.shell.ok(`curl -sf --unix-socket "$(echo "$HOME"/run/*/admin.sock)" 'http://localhost${path}'`),
    status,
    async sharedMemory() {
      const { stdout } = await mesh.shell.run('cat "$HOME"/run/*/hot-restart.json');
      return stdout === '' ? undefined : (JSON.parse(stdout) as { sharedMemory: string }).sharedMemory;
    },
    serves: async () => (await call(`http://127.0.0.1:${HTTP_PORT}/`)).outcome === 200,
    async close() {
      await mesh.close();
      editor.close();
      for (const close of services) close();
    },
  };
}

/** Answers `/` at once and `/slow` later. Envoys that hold connections to it must not keep a test waiting: they are cut. */
export async function startHttpService(port: number): Promise<() => void> {
  const server: Server = createHttpServer((request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end('slow\n'), SLOW_MS);
    else response.end('ok\n');
  });
  server.keepAliveTimeout = 3_600_000;
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

async function startEchoService(port: number): Promise<() => void> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return () => void server.close();
}

/** Until the agent is in this state with a whole configuration. */
export function untilState(proxy: OneProxy, state: string): Promise<Status> {
  return waitUntil(async () => {
    const now = await proxy.status();
    return now.state === state ? now : undefined;
  });
}

/** Until the agent has saved a configuration, as it does with one that served for ten seconds. */
export async function untilKnownGood({ mesh }: OneProxy): Promise<void> {
  const dir = join(mesh.home, 'state', 'bookinfo.web');
  await waitUntil(() => {
    const files = readdirSync(dir);
    return files.includes('bootstrap') && files.some((name) => name.startsWith('generation-'));
  });
}

function withOne(before: Json | undefined, list: 'listeners' | 'clusters', one: JsonObject): JsonObject {
  const resources = isJsonObject(before) ? before : {};
  const others = resources[list];
  return { ...resources, [list]: [...(Array.isArray(others) ? others : []), one] };
}

const TYPES = 'type.googleapis.com/envoy.extensions';
const loopback = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function echoListener(port: number): JsonObject {
  const config = { '@type': `${TYPES}.filters.network.echo.v3.Echo` };
  return {
    name: 'of-the-test',
    address: loopback(port),
    filter_chains: [{ filters: [{ name: 'echo', typed_config: config }] }],
  };
}

/** An Envoy counts as starting until the name was looked up or given up. */
function slowCluster(nameServer: number): JsonObject {
  const address = { socket_address: { address: 'slow.example', port_value: 80 } };
  const resolver = `${TYPES}.network.dns_resolver.cares.v3.CaresDnsResolverConfig`;
  return {
    name: 'slow',
    type: 'STRICT_DNS',
    connect_timeout: '1s',
    typed_dns_resolver_config: {
      name: 'envoy.network.dns_resolver.cares',
      typed_config: { '@type': resolver, resolvers: [loopback(nameServer)] },
    },
    load_assignment: { cluster_name: 'slow', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  };
}
