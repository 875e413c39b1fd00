import { describe, expect, test } from 'vitest';
import { details } from '../../../../examples/bookinfo/src/details.ts';
import type { Request, Service } from '../../../../examples/bookinfo/src/http-server.ts';
import { createProductPage } from '../../../../examples/bookinfo/src/productpage.ts';
import { createRatings } from '../../../../examples/bookinfo/src/ratings.ts';
import { createReviews } from '../../../../examples/bookinfo/src/reviews.ts';
import { fetchFrom, type Got, serving } from './serving.ts';

interface Behind {
  readonly details?: Service;
  readonly reviews?: Service;
  readonly env?: Record<string, string>;
}

async function pageOver({
  details: book = details,
  reviews = createReviews({}),
  env = {},
}: Behind = {}): Promise<number> {
  const ports = {
    DETAILS: await serving(book),
    REVIEWS: await serving(reviews),
    RATINGS: await serving(createRatings({})),
  };
  const found = Object.entries(ports).flatMap(([name, port]) => [
    [`${name}_HOSTNAME`, '127.0.0.1'],
    [`${name}_SERVICE_PORT`, String(port)],
  ]);
  return serving(createProductPage({ ...Object.fromEntries(found), ...env }));
}

const page = async (behind: Behind, headers = {}): Promise<Got> =>
  fetchFrom(await pageOver(behind), '/productpage', { headers });
const count = (text: string, part: string) => text.split(part).length - 1;

const answering =
  (reviews: unknown): Service =>
  () => ({
    status: 200,
    body: JSON.stringify({ podname: 'reviews-v9', clustername: 'null', reviews }),
  });

describe('the product page', () => {
  test('shows the book, the reviews and who served them', async () => {
    const { status, text, headers } = await page({
      reviews: createReviews({ POD_NAME: 'reviews-v1', CLUSTER_NAME: 'east' }),
    });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(text).toMatch(/<h1[^>]*>The Comedy of Errors<\/h1>/);
    expect(text).toContain('>1234567890</td>');
    expect(text).toMatch(/Reviews served by:[\s\S]*reviews-v1[\s\S]*on cluster <div[^>]*>east<\/div>/);
    expect(count(text, '<svg id="glyphicon glyphicon-star"')).toBe(0);
  });

  test('fills one star for each star given and draws the others empty', async () => {
    const rated = [{ reviewer: 'A', text: 'good', rating: { stars: 4, color: 'red' } }];
    const { text } = await page({ reviews: answering(rated) });
    expect(count(text, '<svg id="glyphicon glyphicon-star"')).toBe(4);
    expect(count(text, '<svg')).toBe(5);
    expect(text).toContain('text-red-500"');
    expect(text).toContain('aria-label="4 of 5 stars"');
  });

  test('shows the error of a rating, and for no stars neither', async () => {
    const rated = [
      { reviewer: 'A', text: 'good', rating: { error: 'Ratings service is currently unavailable' } },
      { reviewer: 'B', text: 'bad', rating: { stars: 0, color: 'black' } },
    ];
    const { text } = await page({ reviews: answering(rated) });
    expect(text).toContain('Ratings service is currently unavailable');
    expect(text).not.toContain('<svg');
  });

  test('escapes what other services say', async () => {
    const rated = [
      { reviewer: '<b>', text: '</p><script>"x"</script>', rating: { stars: 5, color: 'red" onload="x' } },
    ];
    const { text } = await page({ reviews: answering(rated) });
    expect(text).not.toMatch(/<script|<b>|onload="x/);
    expect(text).toContain('text-black-500"');
  });

  test('is there without details, and without reviews after a second try', async () => {
    let calls = 0;
    const reviews: Service = () => {
      calls++;
      return { status: 500 };
    };
    const { status, text } = await page({ details: () => ({ status: 503 }), reviews });
    expect(status).toBe(200);
    expect(text).toMatch(/text-red-500">Error fetching product details/);
    expect(text).toMatch(/text-red-500">Error fetching product reviews/);
    expect(text).toContain('Sorry, product reviews are currently unavailable for this book.');
    expect(calls).toBe(2);
  });

  test('shows the reviews when only the first try fails', async () => {
    const answers = [
      { status: 503 },
      { status: 200, body: '{"podname":"reviews-v1","clustername":"null","reviews":[{}]}' },
    ];
    const { text } = await page({ reviews: () => answers.shift() ?? { status: 500 } });
    expect(text).toContain('Reviews served by:');
  });

  test('gives up on a service that does not answer in time', async () => {
    const { text } = await page({ reviews: () => new Promise(() => {}), env: { UPSTREAM_TIMEOUT_MS: '50' } });
    expect(text).toContain('Error fetching product reviews');
    expect(text).toContain('>1234567890</td>');
  });

  test('opens a new connection for every call, so that a TCP proxy can balance', async () => {
    const seen: (string | undefined)[] = [];
    const port = await pageOver({
      details: ({ headers }) => {
        seen.push(headers.connection);
        return { status: 404 };
      },
    });
    await fetchFrom(port, '/productpage');
    await fetchFrom(port, '/productpage');
    expect(seen).toEqual(['close', 'close']);
  });
});

describe('a visitor of the product page', () => {
  test('is known to the services behind after signing in, until signing out', async () => {
    const seen: (string | string[] | undefined)[] = [];
    const book = (request: Request) => {
      seen.push(request.headers['end-user']);
      return details(request);
    };
    const port = await pageOver({ details: book });
    const back = { referer: `http://127.0.0.1:${port}/productpage?u=test` };
    const login = await fetchFrom(port, '/login', {
      method: 'POST',
      body: 'username=jason&passwd=x',
      headers: { ...back, 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect([login.status, login.headers.get('location')]).toEqual([302, '/productpage?u=test']);
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect(
      (await fetchFrom(port, '/productpage', { headers: { cookie, 'end-user': 'mallory' } })).text,
    ).toContain('Sign out');
    const logout = await fetchFrom(port, '/logout', { headers: { cookie } });
    expect([logout.status, logout.headers.get('set-cookie')]).toEqual([
      302,
      expect.stringContaining('session=; Max-Age=0'),
    ]);
    expect((await fetchFrom(port, '/productpage', { headers: { 'end-user': 'mallory' } })).text).toContain(
      'Sign in',
    );
    expect(seen).toEqual(['jason', undefined]);
  });

  test('is never led to another site', async () => {
    const port = await pageOver();
    for (const referer of [
      'http://elsewhere.example/x',
      'not a url',
      `http://127.0.0.1:${port}//elsewhere.example`,
    ]) {
      const { headers } = await fetchFrom(port, '/logout', { headers: { referer } });
      expect(headers.get('location')).toMatch(/^\/(productpage|elsewhere\.example)$/);
    }
  });
});

describe('the API of the product page', () => {
  test('passes on what the services say', async () => {
    const port = await pageOver({ reviews: createReviews({ POD_NAME: 'reviews-v1' }) });
    expect(JSON.parse((await fetchFrom(port, '/api/v1/products')).text)).toMatchObject([
      { id: 0, title: 'The Comedy of Errors' },
    ]);
    expect(JSON.parse((await fetchFrom(port, '/api/v1/products/3')).text)).toMatchObject({
      id: 3,
      pages: 200,
    });
    expect(JSON.parse((await fetchFrom(port, '/api/v1/products/3/reviews')).text)).toMatchObject({ id: '3' });
    expect((await fetchFrom(port, '/api/v1/products/3/ratings')).text).toBe(
      '{"id":3,"ratings":{"Reviewer1":5,"Reviewer2":4}}',
    );
    expect((await fetchFrom(port, '/api/v1/products/x')).status).toBe(404);
  });

  test('gives the status of a service that fails, 500 when there is no answer, and counts both', async () => {
    const port = await pageOver({ details: () => ({ status: 503 }), env: { REVIEWS_SERVICE_PORT: '1' } });
    const sorry = (what: string) =>
      JSON.stringify({ error: `Sorry, product ${what} are currently unavailable for this book.` });
    expect(await fetchFrom(port, '/api/v1/products/0')).toMatchObject({
      status: 503,
      text: sorry('details'),
    });
    expect(await fetchFrom(port, '/api/v1/products/0/reviews')).toMatchObject({
      status: 500,
      text: sorry('reviews'),
    });
    const { text } = await fetchFrom(port, '/metrics');
    expect(text).toContain('request_result_total{destination_app="details",response_code="503"} 1\n');
    expect(text).toContain('request_result_total{destination_app="reviews",response_code="500"} 2\n');
  });

  test('says that it is healthy without asking anybody', async () => {
    const port = await serving(createProductPage({}));
    expect(await fetchFrom(port, '/health')).toMatchObject({ status: 200, text: 'Product page is healthy' });
    expect((await fetchFrom(port, '/')).text).toContain('href="/productpage?u=normal"');
  });
});
