import { type Environment, upstreamUrl, wholeNumber } from './environment.ts';
import { type Answer, getJson } from './get-json.ts';
import { json, NOT_FOUND, type Reply, type Request, type Service, text } from './http-server.ts';
import { renderIndexPage } from './page/index-page.ts';
import { renderProductPage } from './page/product-page.ts';
import { PRODUCT } from './product.ts';
import { propagatedHeaders } from './propagated-headers.ts';
import { clearSession, sessionUser, startSession } from './session.ts';

type Upstream = 'details' | 'reviews' | 'ratings';

const HTML_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  // The page brings its own style and nothing else.
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
};

/** The page people see. Details and reviews fail independently of each other; the page itself is always there. */
export function createProductPage(env: Environment): Service {
  const urls = {
    details: upstreamUrl(env, 'details'),
    reviews: upstreamUrl(env, 'reviews'),
    ratings: upstreamUrl(env, 'ratings'),
  };
  const timeoutMs = wholeNumber(env, 'UPSTREAM_TIMEOUT_MS', 3_000);
  const flood = wholeNumber(env, 'FLOOD_FACTOR', 0);
  const results = new Map<string, number>();

  // A connection for each call, on purpose: one that is kept would pin a TCP proxy to one version of reviews.
  async function fetchFrom(app: Upstream, id: number, request: Request): Promise<Answer> {
    const headers = propagatedHeaders(request.headers);
    const user = sessionUser(request.headers.cookie);
    if (user !== undefined) headers['end-user'] = user;
    const answer = await getJson(`${urls[app]}/${app}/${id}`, { headers, timeoutMs }).catch(
      (error: unknown) => {
        console.error(`${app} of product ${id}: ${error instanceof Error ? error.message : String(error)}`);
        return { status: 500, body: undefined };
      },
    );
    const key = `request_result_total{destination_app="${app}",response_code="${answer.status}"}`;
    results.set(key, (results.get(key) ?? 0) + 1);
    return answer;
  }

  async function fetchReviews(id: number, request: Request): Promise<Answer> {
    for (let extra = 0; extra < flood; extra++) void fetchFrom('reviews', id, request);
    const first = await fetchFrom('reviews', id, request);
    return first.status === 200 ? first : fetchFrom('reviews', id, request);
  }

  async function productPage(request: Request): Promise<Reply> {
    const details = await fetchFrom('details', PRODUCT.id, request);
    const reviews = await fetchReviews(PRODUCT.id, request);
    const user = sessionUser(request.headers.cookie);
    return { status: 200, headers: HTML_HEADERS, body: renderProductPage({ user, details, reviews }) };
  }

  async function api(app: Upstream, id: number, request: Request): Promise<Reply> {
    const answer = await (app === 'reviews' ? fetchReviews(id, request) : fetchFrom(app, id, request));
    if (answer.status === 200) return json(200, answer.body);
    return json(answer.status, { error: `Sorry, product ${app} are currently unavailable for this book.` });
  }

  function metrics(): Reply {
    const lines = [
      '# HELP request_result_total Answers of the services behind the page.',
      '# TYPE request_result_total counter',
    ];
    for (const [key, count] of results) lines.push(`${key} ${count}`);
    return text(200, `${lines.join('\n')}\n`, 'text/plain; version=0.0.4; charset=utf-8');
  }

  return async (request) => {
    const { method, path } = request;
    if (method === 'POST' && path === '/login') return startSession(request);
    if (method !== 'GET') return NOT_FOUND;
    if (path === '/productpage') return productPage(request);
    if (path === '/' || path === '/index.html')
      return { status: 200, headers: HTML_HEADERS, body: renderIndexPage() };
    if (path === '/logout') return clearSession(request);
    if (path === '/health') return text(200, 'Product page is healthy');
    if (path === '/metrics') return metrics();
    if (path === '/api/v1/products') return json(200, [PRODUCT]);
    const call = /^\/api\/v1\/products\/(\d{1,10})(?:\/(reviews|ratings))?$/.exec(path);
    if (call?.[1] === undefined) return NOT_FOUND;
    return api((call[2] as 'reviews' | 'ratings' | undefined) ?? 'details', Number(call[1]), request);
  };
}
