import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import { discardBody } from '../api/http-server.ts';
import type { HealthWord } from '../lifecycle/health.ts';
import type { ProxyId } from '../lifecycle/proxy-id.ts';
import type { BootstrapAnswer, BootstrapCall } from './handler.ts';
import { parseObject } from './parse-request.ts';

/** A bootstrap request carries at most one Dataplane. */
const BODY_LIMIT = 1024 * 1024;

export interface BootstrapHttpOptions {
  readonly bootstrap: (call: BootstrapCall) => Promise<BootstrapAnswer>;
  /** False when the proxy is not known. */
  readonly leave: (proxy: ProxyId) => Promise<boolean>;
  /** False when the proxy is not known. */
  readonly health: (proxy: ProxyId, word: HealthWord) => Promise<boolean>;
  readonly logger: Logger;
}

/** `/bootstrap`, `/leave` and `/health` over HTTP/1.1; everything else is 404 in Kuma's words. */
export function createBootstrapListener(options: BootstrapHttpOptions): RequestListener {
  return (request, response) => {
    answer(request, options)
      .catch((error: unknown): BootstrapAnswer => {
        // The caller went away in the middle of its body.
        if (request.destroyed && !request.complete) return { status: 400, body: '' };
        options.logger.error({ path: request.url, error: describeError(error) }, 'request failed');
        return { status: 500, body: '' };
      })
      .then((result) => send(response, result))
      .catch(() => response.destroy());
  };
}

async function answer(request: IncomingMessage, options: BootstrapHttpOptions): Promise<BootstrapAnswer> {
  const result = await decide(request, options);
  const { status, reason } = result;
  if (status >= 400 && reason !== undefined) {
    const path = (request.url ?? '').slice(0, 100);
    options.logger.info({ path, peer: request.socket.remoteAddress, status, reason }, 'request refused');
  }
  // The caller can read the answer once it has its body off its hands.
  if (ENDS_CONNECTION.has(status)) await discardBody(request);
  return result;
}

const ENDS_CONNECTION: ReadonlySet<number> = new Set([403, 413]);

async function decide(request: IncomingMessage, options: BootstrapHttpOptions): Promise<BootstrapAnswer> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const respond = Object.hasOwn(PATHS, path) ? PATHS[path] : undefined;
  if (respond === undefined)
    return { status: 404, contentType: 'text/plain; charset=utf-8', body: '404 page not found\n' };
  // No agent is a web page. One that a browser on this machine shows could otherwise take proxies out of their mesh.
  if (isFromWebPage(request)) return { status: 403, body: '', reason: 'sent by a web page' };
  const body = await readBody(request);
  if (body === undefined) return { status: 413, body: '', reason: 'body too large' };
  return respond(request, body, options);
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

async function answerHealth(
  request: IncomingMessage,
  body: string,
  { health }: BootstrapHttpOptions,
): Promise<BootstrapAnswer> {
  if (request.method !== 'POST') return { status: 405, body: '', reason: 'health wants POST' };
  const { mesh, name, healthy, reason } = parseObject(body) ?? {};
  if (typeof mesh !== 'string' || typeof name !== 'string' || typeof healthy !== 'boolean')
    return { status: 400, body: '', reason: 'not a JSON object with mesh, name and healthy' };
  const word = { healthy, reason: typeof reason === 'string' ? toLine(reason) : '' };
  return (await health({ mesh, name }, word))
    ? { status: 204, body: '' }
    : { status: 404, body: '', reason: `no Dataplane ${name} in mesh ${mesh}` };
}

const PATHS: Readonly<Record<string, typeof answerLeave>> = {
  '/bootstrap': answerBootstrap,
  '/leave': answerLeave,
  '/health': answerHealth,
};

/** It is shown in tables and written to the log. */
function toLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 300);
}

function isFromWebPage({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
}

/** undefined when it is larger than the limit; the rest is not read. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { status, contentType, body }: BootstrapAnswer): void {
  if (ENDS_CONNECTION.has(status)) response.setHeader('connection', 'close');
  if (contentType !== undefined) response.setHeader('content-type', contentType);
  response.statusCode = status;
  response.end(body);
}
