import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import { CliError } from '../errors.ts';
import { ApiError, parseJson, toApiError } from './api-error.ts';
import { toConnectionError } from './connection-error.ts';
import type { HttpRequest, HttpResponse, SendHttp, TlsOptions } from './http.ts';
import { inTime } from './in-time.ts';

/** Where and how to talk; read from the configuration once. */
export interface ClientOptions {
  /** The control plane's name in the configuration. */
  readonly name: string;
  /** May have a path, below which the API lies. */
  readonly baseUrl: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  /** Of each request. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly send: SendHttp;
  /** One line for each request, for `--log-level debug`. */
  readonly debug: ((line: string) => void) | undefined;
}

/** Path elements, each encoded by the client. */
export type Path = readonly string[];
export type Query = readonly (readonly [key: string, value: string])[];

/** One page of a list. `next` is the offset of the next one. */
export interface Page {
  readonly body: JsonObject;
  readonly items: readonly JsonObject[];
  readonly next: string | undefined;
}

interface PutResult {
  readonly created: boolean;
  readonly warnings: readonly string[];
}

/** The REST API of a control plane. Refusals are `ApiError`s, trouble on the way `CliError`s with code `unreachable`. */
export interface ControlPlaneClient {
  /** `GET /`: what the control plane says it is. */
  index(timeoutMs?: number): Promise<JsonObject>;
  /** Undefined when there is no such thing. */
  find(path: Path): Promise<JsonObject | undefined>;
  page(path: Path, query: Query): Promise<Page>;
  /** All pages in one. */
  all(path: Path, query: Query): Promise<readonly JsonObject[]>;
  put(path: Path, body: JsonObject): Promise<PutResult>;
  /** False when there was no such thing. */
  remove(path: Path): Promise<boolean>;
}

/** The largest page a control plane gives. */
const MAX_PAGE = '1000';

export function createControlPlaneClient(options: ClientOptions): ControlPlaneClient {
  const call = (method: HttpRequest['method'], target: Target) => sendRequest(options, method, target);

  async function page(path: Path, query: Query): Promise<Page> {
    const body = readObject(await call('GET', { path, query }), options);
    const items = body.items;
    if (!Array.isArray(items) || !items.every(isJsonObject)) throw notKuma(options, 'a list without items');
    return { body, items, next: readNextOffset(body.next) };
  }

  return {
    async index(timeoutMs) {
      return readObject(
        await call('GET', { path: [], ...(timeoutMs === undefined ? {} : { timeoutMs }) }),
        options,
      );
    },
    async find(path) {
      const response = await call('GET', { path, absent: true });
      return response.status === 404 ? undefined : readObject(response, options);
    },
    page,
    async all(path, query) {
      const items: JsonObject[] = [];
      const seen = new Set<string>();
      for (let offset: string | undefined; ; ) {
        const at: Query = offset === undefined ? [] : [['offset', offset]];
        const part = await page(path, [...query, ['size', MAX_PAGE], ...at]);
        items.push(...part.items);
        offset = part.next;
        if (offset === undefined) return items;
        if (seen.has(offset)) throw notKuma(options, `pages that never end (offset ${offset} came twice)`);
        seen.add(offset);
      }
    },
    async put(path, body) {
      const response = await call('PUT', { path, body });
      const answer = parseJson(response.body);
      const warnings =
        isJsonObject(answer) && Array.isArray(answer.warnings) ? answer.warnings.map(String) : [];
      return { created: response.status === 201, warnings };
    },
    async remove(path) {
      return (await call('DELETE', { path, absent: true })).status !== 404;
    },
  };
}

interface Target {
  readonly path: Path;
  readonly query?: Query;
  readonly body?: JsonObject;
  /** 404 with the API's own error document is an answer and no error. */
  readonly absent?: boolean;
  readonly timeoutMs?: number;
}

async function sendRequest(
  options: ClientOptions,
  method: HttpRequest['method'],
  target: Target,
): Promise<HttpResponse> {
  const url = toUrl(options.baseUrl, target);
  const timeoutMs = target.timeoutMs ?? options.timeoutMs;
  const body = target.body === undefined ? undefined : JSON.stringify(target.body);
  const headers = {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...options.headers,
  };
  const request = { method, url, headers, tls: options.tls, ...(body === undefined ? {} : { body }) };
  const response = await inTime(timeoutMs, async (late) => {
    const signal = options.signal === undefined ? late : AbortSignal.any([options.signal, late]);
    try {
      return await options.send({ ...request, signal });
    } catch (error) {
      options.debug?.(`${method} ${url}: ${String(error)}`);
      throw toConnectionError(signal.aborted ? signal.reason : error, {
        controlPlane: options.name,
        url,
        timeoutMs,
      });
    }
  });
  options.debug?.(`${method} ${url}: ${response.status}`);
  const { status } = response;
  if (status >= 200 && status < 300) return response;
  if (status === 404 && target.absent === true && isJsonObject(parseJson(response.body))) return response;
  if (status >= 300 && status < 400) throw redirected(response, url);
  throw toApiError(response, `${method} ${url}`);
}

function toUrl(base: URL, { path, query = [] }: Target): URL {
  const url = new URL(base);
  url.pathname = [base.pathname.replace(/\/+$/, ''), ...path.map(encodeURIComponent)].join('/');
  for (const [key, value] of query) url.searchParams.append(key, value);
  return url;
}

function redirected(response: HttpResponse, url: URL): ApiError {
  const to = response.header('location') ?? 'nowhere';
  const text = `${url} redirects to ${to}; add the control plane with the address it is really at`;
  return new ApiError(response.status, text, []);
}

function readObject(response: HttpResponse, options: ClientOptions): JsonObject {
  const body = parseJson(response.body);
  if (!isJsonObject(body)) throw notKuma(options, 'a body that is not a JSON object');
  return body;
}

/** `next` is an absolute URL, which behind a proxy may name a host we cannot reach: only its offset is used. */
function readNextOffset(next: Json | undefined): string | undefined {
  if (typeof next !== 'string' || next === '') return undefined;
  return URL.canParse(next, 'http://localhost')
    ? (new URL(next, 'http://localhost').searchParams.get('offset') ?? undefined)
    : undefined;
}

function notKuma({ name, baseUrl }: ClientOptions, got: string): CliError {
  return new CliError(
    'not-kuma',
    `control plane "${name}" at ${baseUrl.origin} answered with ${got}; is ${baseUrl} a control plane?`,
  );
}
