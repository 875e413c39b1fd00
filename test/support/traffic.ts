import { Agent, get, type IncomingMessage } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from './wait-until.ts';

/** Clients of every kind that go on until told to end; every request that failed is counted by kind and cause. */
export interface Traffic {
  /** Requests with an answer, by kind. */
  readonly done: Readonly<Record<string, number>>;
  /** `kind: cause` → how often. */
  readonly failures: Readonly<Record<string, number>>;
  /** When each failed request was sent and when it failed, in ms of `performance.now()`. */
  readonly failed: readonly FailedRequest[];
  end(): Promise<void>;
}

export interface FailedRequest {
  readonly kind: string;
  readonly cause: string;
  readonly sentAt: number;
  readonly failedAt: number;
}

export interface TrafficTarget {
  /** A listener that speaks HTTP and answers `/` at once and `/slow` after a while. */
  readonly httpPort: number;
  /** A listener that echoes. */
  readonly tcpPort?: number;
  /**
   * A listener that passes TCP on to the same service. Nothing there can tell a client to go elsewhere, so its clients
   * are of two kinds: `http over tcp` leaves a connection before it is `maxAgeMs` old, `http over tcp, held` never does.
   */
  readonly httpOverTcp?: { readonly port: number; readonly maxAgeMs: number };
  /** Share of the usual number of clients, at least one of each kind; 1 by default. */
  readonly share?: number;
}

/** Connections that outlive the old Envoy are cut with it: what fails on these is counted apart. */
export const HELD = 'http over tcp, held';

const KEEP_ALIVE_CLIENTS = 8;
const NEW_CONNECTION_CLIENTS = 3;
const SLOW_CLIENTS = 6;
const HTTP2_CLIENTS = 3;
const TCP_CLIENTS = 4;
const HTTP_OVER_TCP_CLIENTS = 4;
/** A client that waits longer has failed. */
const TIMEOUT_MS = 15_000;

export function startTraffic({ httpPort, tcpPort, httpOverTcp, share = 1 }: TrafficTarget): Traffic {
  const done: Record<string, number> = {};
  const failures: Record<string, number> = {};
  const failed: FailedRequest[] = [];
  const cleanups: (() => void)[] = [];
  let ended = false;

  /** One client: the same request again and again, with a pause. */
  async function loop(kind: string, pauseMs: number, once: () => Promise<void>): Promise<void> {
    // Clients of one kind do not go in step.
    await sleep(Math.random() * 50);
    while (!ended) {
      const sentAt = performance.now();
      try {
        await once();
        done[kind] = (done[kind] ?? 0) + 1;
      } catch (error) {
        const cause = describe(error);
        failures[`${kind}: ${cause}`] = (failures[`${kind}: ${cause}`] ?? 0) + 1;
        failed.push({ kind, cause, sentAt, failedAt: performance.now() });
        await sleep(20);
      }
      await sleep(pauseMs);
    }
  }

  const clients = (kind: string, count: number, make: () => { pauseMs: number; once: () => Promise<void> }) =>
    Array.from({ length: Math.max(1, Math.round(count * share)) }, () => {
      const { pauseMs, once } = make();
      return loop(kind, pauseMs, once);
    });

  const keepAlive = (path: string, pauseMs: number) => () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    cleanups.push(() => agent.destroy());
    return { pauseMs, once: () => request(httpPort, path, agent) };
  };
  const overTcp = (port: number, maxAgeMs: number) => () => {
    const client = new AgingClient(port, maxAgeMs);
    cleanups.push(() => client.close());
    return { pauseMs: 20, once: () => client.request('/') };
  };
  const all = Promise.all([
    ...clients('keep-alive', KEEP_ALIVE_CLIENTS, keepAlive('/', 20)),
    ...clients('slow', SLOW_CLIENTS, keepAlive('/slow', 5)),
    ...clients('new connection', NEW_CONNECTION_CLIENTS, () => ({
      pauseMs: 20,
      once: () => request(httpPort, '/', false),
    })),
    ...clients('http2', HTTP2_CLIENTS, () => {
      const client = new Http2Client(httpPort);
      cleanups.push(() => client.close());
      return { pauseMs: 20, once: () => client.request('/') };
    }),
    ...(tcpPort === undefined
      ? []
      : clients('tcp', TCP_CLIENTS, () => ({ pauseMs: 20, once: () => echoSession(tcpPort) }))),
    ...(httpOverTcp === undefined
      ? []
      : [
          ...clients('http over tcp', HTTP_OVER_TCP_CLIENTS, overTcp(httpOverTcp.port, httpOverTcp.maxAgeMs)),
          ...clients(HELD, HTTP_OVER_TCP_CLIENTS, overTcp(httpOverTcp.port, Number.POSITIVE_INFINITY)),
        ]),
  ]);
  return {
    done,
    failures,
    failed,
    async end() {
      ended = true;
      await all;
      for (const cleanup of cleanups) cleanup();
    },
  };
}

/** Until clients of each kind had several answers. */
export async function untilAllKinds({ done }: Traffic): Promise<void> {
  const kinds = ['keep-alive', 'slow', 'new connection', 'http2', 'tcp'];
  await waitUntil(() => kinds.every((kind) => (done[kind] ?? 0) > 5), {
    describe: () => `more than 5 answers of each kind: ${JSON.stringify(done)}`,
  });
}

function request(port: number, path: string, agent: Agent | false): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = get({ host: '127.0.0.1', port, path, agent, timeout: TIMEOUT_MS }, (response) => {
      readToEnd(response).then(
        () => (response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`))),
        reject,
      );
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.on('error', reject);
  });
}

async function readToEnd(response: IncomingMessage): Promise<void> {
  for await (const _ of response) {
    // Only the end matters.
  }
}

/** HTTP/1.1 keep-alive on one connection, left for a new one between two requests when it has its age. */
class AgingClient {
  readonly #port: number;
  readonly #maxAgeMs: number;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #since = performance.now();

  constructor(port: number, maxAgeMs: number) {
    this.#port = port;
    this.#maxAgeMs = maxAgeMs;
  }

  request(path: string): Promise<void> {
    if (performance.now() - this.#since > this.#maxAgeMs) {
      this.#agent.destroy();
      this.#agent = new Agent({ keepAlive: true, maxSockets: 1 });
      this.#since = performance.now();
    }
    return request(this.#port, path, this.#agent);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Opens a new connection once the server says it will close this one, as the protocol asks. */
class Http2Client {
  readonly #port: number;
  #session: ClientHttp2Session | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  request(path: string): Promise<void> {
    const session = this.#open();
    return new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path, ':authority': 'test' });
      let status = 0;
      stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error('timeout')));
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.on('error', reject);
      stream.on('close', () => (status === 200 ? resolve() : reject(new Error(`status ${status}`))));
      stream.resume().end();
    });
  }

  close(): void {
    this.#session?.destroy();
  }

  #open(): ClientHttp2Session {
    const usable = this.#session?.destroyed === false && !this.#session.closed;
    if (this.#session !== undefined && usable) return this.#session;
    const session = connectHttp2(`http://127.0.0.1:${this.#port}`);
    session.on('error', () => {});
    // Node closes the session by itself once its last stream has ended.
    session.on('goaway', () => session.close());
    this.#session = session;
    return session;
  }
}

/** Connects, sends a few lines that must all come back, and leaves. */
async function echoSession(port: number): Promise<void> {
  const socket = await open(port);
  try {
    for (let i = 0; i < 5; i++) {
      await echo(socket, `line ${i}\n`);
      await sleep(20);
    }
  } finally {
    socket.destroy();
  }
}

export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

export function echo(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let back = '';
    const finish = (error?: Error) => {
      socket.off('data', onData).off('close', onClose).off('error', finish);
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onData = (chunk: Buffer) => {
      back += chunk.toString();
      if (back === text) finish();
    };
    const onClose = () => finish(new Error('closed'));
    const timer = setTimeout(() => finish(new Error('timeout')), TIMEOUT_MS);
    // Cut between two lines: nothing would tell of it any more.
    if (socket.destroyed) return onClose();
    socket.on('data', onData).on('close', onClose).on('error', finish);
    socket.write(text);
  });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
