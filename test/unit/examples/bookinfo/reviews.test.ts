import { describe, expect, test } from 'vitest';
import { createRatings } from '../../../../examples/bookinfo/src/ratings.ts';
import { createReviews } from '../../../../examples/bookinfo/src/reviews.ts';
import { fetchFrom, serving } from './serving.ts';

const UNAVAILABLE = { error: 'Ratings service is currently unavailable' };

async function reviewsOver(ratingsPort: number, env: Record<string, string> = {}): Promise<number> {
  const upstream = {
    RATINGS_HOSTNAME: '127.0.0.1',
    RATINGS_PORT: String(ratingsPort),
    ENABLE_RATINGS: 'true',
  };
  return serving(createReviews({ POD_NAME: 'reviews-v2', ...upstream, ...env }));
}

async function ratingsShown(port: number): Promise<unknown[]> {
  const { status, text } = await fetchFrom(port, '/reviews/0');
  expect(status).toBe(200);
  return (JSON.parse(text) as { reviews: { rating?: unknown }[] }).reviews.map(({ rating }) => rating);
}

describe('reviews', () => {
  test('without ratings have no stars, and say who served them', async () => {
    const { text } = await fetchFrom(await serving(createReviews({ POD_NAME: 'reviews-v1' })), '/reviews/0');
    expect(text).toMatch(
      /^\{"id": "0","podname": "reviews-v1","clustername": "null","reviews": \[\{ {2}"reviewer": "Reviewer1", {2}"text": "/,
    );
    expect(text).not.toContain('rating"');
  });

  test('with ratings show the stars in the color of the version', async () => {
    const ratings = await serving(createRatings({}));
    expect(await ratingsShown(await reviewsOver(ratings))).toEqual([
      { stars: 5, color: 'black' },
      { stars: 4, color: 'black' },
    ]);
    expect(await ratingsShown(await reviewsOver(ratings, { STAR_COLOR: 'red' }))).toContainEqual({
      stars: 5,
      color: 'red',
    });
  });

  test('show an error only for the reviewer whose stars are missing', async () => {
    const ratings = await serving(() => ({ status: 200, body: '{"ratings":{"Reviewer1":3}}' }));
    expect(await ratingsShown(await reviewsOver(ratings))).toEqual([
      { stars: 3, color: 'black' },
      UNAVAILABLE,
    ]);
  });

  test.each([
    ['an error', () => ({ status: 503 })],
    ['something else than JSON', () => ({ status: 200, body: '<html>' })],
    ['JSON of another shape', () => ({ status: 200, body: '{"ratings":3}' })],
  ])('are served all the same when ratings answers %s', async (_, ratings) => {
    expect(await ratingsShown(await reviewsOver(await serving(ratings)))).toEqual([UNAVAILABLE, UNAVAILABLE]);
  });

  test('are served all the same when ratings never answers or is not there', async () => {
    const silent = await serving(() => new Promise(() => {}));
    expect(await ratingsShown(await reviewsOver(silent, { RATINGS_TIMEOUT_MS: '50' }))).toEqual([
      UNAVAILABLE,
      UNAVAILABLE,
    ]);
    expect(await ratingsShown(await reviewsOver(1))).toEqual([UNAVAILABLE, UNAVAILABLE]);
  });

  test('hand trace headers and the user on to ratings, and nothing else', async () => {
    let seen: Record<string, unknown> = {};
    const ratings = await serving(({ headers }) => {
      seen = headers;
      return { status: 200, body: '{"ratings":{}}' };
    });
    const headers = { 'x-request-id': 'a', 'x-b3-traceid': 'b', 'end-user': 'jason', 'x-other': 'c' };
    await fetchFrom(await reviewsOver(ratings), '/reviews/0', { headers });
    expect(seen).toMatchObject({ 'x-request-id': 'a', 'x-b3-traceid': 'b', 'end-user': 'jason' });
    expect(seen).not.toHaveProperty('x-other');
  });

  test('exist for whole numbers only', async () => {
    const port = await serving(createReviews({}));
    expect(await fetchFrom(port, '/reviews/abc')).toMatchObject({ status: 404, text: '' });
    expect((await fetchFrom(port, '/')).status).toBe(404);
    expect((await fetchFrom(port, '/health')).text).toBe('{"status": "Reviews is healthy"}');
  });
});
