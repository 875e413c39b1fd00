import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildInfo } from '../../../src/lib/build-info.ts';

export interface Seen {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Double {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** What was asked for but `GET /`. */
  readonly calls: () => string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Status and JSON body, or a text that is sent as it is. `silence` leaves the request without an answer. */
export type Reply = readonly [status: number, body: unknown, headers?: Record<string, string>] | 'silence';

const INDEX = { hostname: 'h', product: 'Kuma', version: buildInfo.version, instanceId: 'i', clusterId: 'c' };

/** An HTTP server that answers as a test tells it, for what the real control plane never does. `GET /` is Kuma's. */
export async function startDouble(
  answer: (seen: Seen) => Reply = () => [404, { title: 'Not found', detail: 'Not found' }],
  index: Reply = [200, INDEX],
): Promise<Double> {
  const seen: Seen[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
    seen.push(one);
    const reply = one.url === '/' ? index : answer(one);
    if (reply === 'silence') return;
    const [status, content, headers] = reply;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof content === 'string' ? content : JSON.stringify(content));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    calls: () => seen.filter(({ url }) => url !== '/').map(({ method, url }) => `${method} ${url}`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
