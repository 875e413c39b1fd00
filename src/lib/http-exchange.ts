import { type IncomingMessage, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { lookup } from './lookup.ts';
import { afterPatience } from './patience.ts';

/** One request over node:http(s), which costs a fraction of the memory of `fetch`. */
export interface ExchangeOptions {
  /** Scheme, host, port and path; the host is ignored when `socketPath` is given. */
  readonly url: URL;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly socketPath?: string;
  /** IP to dial; the host of the URL is still the one that is asked for and whose certificate is wanted. */
  readonly address?: string | undefined;
  readonly tls?: Pick<RequestOptions, 'ca' | 'rejectUnauthorized' | 'minVersion'>;
  /** For the whole exchange, in ms in which this process runs. */
  readonly timeoutMs: number;
  /** A longer answer is an error. 16 MiB when absent. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Exchange {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Rejects with the error of Node, or one with code ETIMEDOUT or EMSGSIZE. Redirects are not followed. */
export function exchange(options: ExchangeOptions): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const { url, method = 'GET', headers, body, socketPath, address, tls, timeoutMs, signal } = options;
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const where = socketPath === undefined ? hostOf(url, address) : { socketPath };
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request = send(
      {
        ...where,
        ...tls,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { ...(address === undefined ? {} : { host: url.host }), ...headers, ...length },
        agent: false,
        lookup,
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => readBody(response, options.maxBytes ?? 16 * 1024 * 1024).then(resolve, reject),
    );
    const cancelTimeout = afterPatience(timeoutMs, () =>
      request.destroy(codedError('ETIMEDOUT', `no answer within ${timeoutMs} ms`)),
    );
    request.once('error', reject);
    request.once('close', cancelTimeout);
    request.end(body);
  });
}

function hostOf(url: URL, address?: string): { host: string; port: string; servername?: string } {
  return {
    // An IPv6 address is in brackets in a URL only.
    host: address ?? url.hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(address === undefined ? {} : { servername: url.hostname }),
    port: url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port,
  };
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Exchange> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw codedError('EMSGSIZE', `the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

function codedError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
