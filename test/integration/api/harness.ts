import { request as httpRequest, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { AccessRules } from '../../../src/cp/api/access.ts';
import { closeHttpServer, createHttpServer, type HttpLimits } from '../../../src/cp/api/http-server.ts';
import { createApi } from '../../../src/cp/api/server.ts';
import { createAdvise } from '../../../src/cp/resources/advice.ts';
import { ensureDefaultMesh } from '../../../src/cp/resources/defaults.ts';
import { createResourceManager, type ResourceManager } from '../../../src/cp/resources/manager.ts';
import { createMemoryStore } from '../../../src/cp/store/memory/memory-store.ts';
import type { Store } from '../../../src/cp/store/store.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import type { Logger } from '../../../src/lib/logger.ts';
import type { DataplaneInsightSpec } from '../../../src/model/insight.ts';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly facts: Record<string, unknown>;
}

/** A listening API over a memory store, on a port the kernel chose. */
export interface ApiUnderTest {
  readonly url: string;
  readonly port: number;
  /** What the server serves, for a test that brings its own sockets. */
  readonly handle: RequestListener;
  readonly store: Store;
  readonly manager: ResourceManager;
  readonly log: readonly LogLine[];
  readonly insights: Map<string, DataplaneInsightSpec>;
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  put(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  del(path: string): Promise<Reply>;
  send(options: RawRequest): Promise<Reply>;
  /** Writes bytes on a fresh connection and resolves to all that comes back until the server closes it. */
  raw(bytes: string | Buffer): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  readonly json: JsonObject;
}

export interface HarnessOptions {
  readonly access?: Partial<AccessRules>;
  readonly limits?: Partial<HttpLimits>;
  readonly store?: Store;
  readonly skipDefaultMesh?: boolean;
}

export async function startApi({
  access,
  limits,
  store = createMemoryStore(),
  skipDefaultMesh = false,
}: HarnessOptions = {}): Promise<ApiUnderTest> {
  const log: LogLine[] = [];
  const logger = recordingLogger(log);
  const manager = createResourceManager({ store, logger, zone: 'default', advise: createAdvise(store) });
  const insights = new Map<string, DataplaneInsightSpec>();
  const api = await createApi({
    manager,
    insights: { get: (mesh, name) => insights.get(`${mesh}/${name}`) },
    config: { apiServer: { readOnly: false } },
    identity: { version: '2.14.3', instanceId: 'cp-1', clusterId: 'cluster-1', hostname: 'host-1' },
    logger,
    access: { hostNames: [], readOnly: false, localhostIsAdmin: true, ...access },
  });
  if (!skipDefaultMesh) await ensureDefaultMesh(manager);
  const server = createHttpServer(api.handle, limits);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const send = (options: RawRequest) => sendRequest(port, options);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    handle: api.handle,
    store,
    manager,
    log,
    insights,
    send,
    get: (path, headers = {}) => send({ method: 'GET', path, headers }),
    put: (path, body, headers = {}) =>
      send({
        method: 'PUT',
        path,
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    del: (path) => send({ method: 'DELETE', path }),
    raw: (bytes) => sendRaw(port, bytes),
    async [Symbol.asyncDispose]() {
      await closeHttpServer(server, 0);
      await api.close();
      await store.close();
    },
  };
}

function sendRequest(port: number, { method, path, headers = {}, body }: RawRequest): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          const json = text.startsWith('{') ? (JSON.parse(text) as JsonObject) : {};
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    // A reset while we still send is one of the ways a server may end it.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}

function recordingLogger(log: LogLine[], base: Record<string, unknown> = {}): Logger {
  const at = (level: string) => (facts: Record<string, unknown>, message: string) => {
    log.push({ level, message, facts: { ...base, ...facts } });
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (facts) => recordingLogger(log, { ...base, ...facts }),
  };
}
