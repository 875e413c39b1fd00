import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ProxyId } from '../lifecycle/proxy-id.ts';
import type { BootstrapAnswer, BootstrapCall } from './handler.ts';
import { parseObject } from './parse-request.ts';

/** A bootstrap request carries at most one Dataplane. */
const BODY_LIMIT = 1024 * 1024;

export interface BootstrapHttpOptions {
  readonly bootstrap: (call: BootstrapCall) => Promise<BootstrapAnswer>;
  /** False when the proxy is not known. */
  readonly leave: (proxy: ProxyId) => Promise<boolean>;
  readonly logger: Logger;
}

/** `/bootstrap` and `/leave` over HTTP/1.1; everything else is 404 in Kuma's words. */
export function createBootstrapListener(options: BootstrapHttpOptions): RequestListener {
  return (request, response) => {
    answer(request, options)
      .catch((error: unknown): BootstrapAnswer => {
        options.logger.error({ path: request.url, error: describeError(error) }, 'request failed');
        return { status: 500, body: '' };
      })
      .then((result) => send(response, result))
      .catch(() => response.destroy());
  };
}

async function answer(request: IncomingMessage, options: BootstrapHttpOptions): Promise<BootstrapAnswer> {
  const path = (request.url ?? '').split('?', 1)[0];
  if (path !== '/bootstrap' && path !== '/leave')
    return { status: 404, contentType: 'text/plain; charset=utf-8', body: '404 page not found\n' };
  const body = await readBody(request);
  if (body === undefined) return { status: 413, body: '', reason: 'body too large' };
  const result =
    path === '/bootstrap'
      ? await answerBootstrap(request, body, options)
      : await answerLeave(request, body, options);
  if (result.status >= 400) {
    const facts = { path, peer: request.socket.remoteAddress, status: result.status, reason: result.reason };
    options.logger.info(facts, 'request refused');
  }
  return result;
}

function answerBootstrap(
  request: IncomingMessage,
  body: string,
  { bootstrap }: BootstrapHttpOptions,
): Promise<BootstrapAnswer> {
  return bootstrap({ body, host: request.headers.host ?? '', accept: request.headers.accept ?? '' });
}

async function answerLeave(
  request: IncomingMessage,
  body: string,
  { leave }: BootstrapHttpOptions,
): Promise<BootstrapAnswer> {
  if (request.method !== 'POST') return { status: 405, body: '', reason: 'leave wants POST' };
  const { mesh, name } = parseObject(body) ?? {};
  if (typeof mesh !== 'string' || typeof name !== 'string')
    return { status: 400, body: '', reason: 'not a JSON object with mesh and name' };
  return (await leave({ mesh, name }))
    ? { status: 204, body: '' }
    : { status: 404, body: '', reason: `no Dataplane ${name} in mesh ${mesh}` };
}

/** undefined when it is larger than the limit; the rest is not read. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { status, contentType, body }: BootstrapAnswer): void {
  if (status === 413) response.setHeader('connection', 'close');
  if (contentType !== undefined) response.setHeader('content-type', contentType);
  response.statusCode = status;
  response.end(body);
}
