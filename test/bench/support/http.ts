import { Agent, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface HttpCall {
  readonly method?: string;
  readonly body?: string;
  /** PEM; the call goes over TLS when it is given. */
  readonly ca?: string;
  /** A connection of its own, closed after the answer. */
  readonly once?: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const keepAlive = new Agent({ keepAlive: true });

/** One call to a port of this machine. */
export function call(
  port: number,
  path: string,
  { method = 'GET', body, ca, once = false }: HttpCall = {},
): Promise<HttpAnswer> {
  const options: RequestOptions = {
    host: '127.0.0.1',
    port,
    path,
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
  };
  return new Promise((resolve, reject) => {
    const request =
      ca === undefined
        ? requestHttp({ ...options, agent: once ? false : keepAlive })
        : requestHttps({ ...options, ca });
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    request.end(body);
  });
}
