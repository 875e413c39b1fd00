import { describe, expect, test } from 'vitest';
import { createRatings } from '../../../../examples/bookinfo/src/ratings.ts';
import { fetchFrom, serving } from './serving.ts';

const post = (body: string) => ({ method: 'POST', body });

describe('ratings', () => {
  test('gives stars for any product, in chunks', async () => {
    const port = await serving(createRatings({}));
    const { status, text, headers } = await fetchFrom(port, '/ratings/0');
    expect([status, text]).toEqual([200, '{"id":0,"ratings":{"Reviewer1":5,"Reviewer2":4}}']);
    expect(headers.get('content-length')).toBeNull();
  });

  test('keeps what is posted', async () => {
    const port = await serving(createRatings({}));
    expect((await fetchFrom(port, '/ratings/7', post('{"Reviewer1":1}'))).text).toBe(
      '{"id":7,"ratings":{"Reviewer1":1}}',
    );
    expect((await fetchFrom(port, '/ratings/7')).text).toBe('{"id":7,"ratings":{"Reviewer1":1}}');
    expect((await fetchFrom(port, '/ratings/8')).text).toContain('"Reviewer2":4');
  });

  test.each(['{"Reviewer1"', '[]', '3', '{"Reviewer1":"five"}', ''])('refuses the body %j', async (body) => {
    const port = await serving(createRatings({}));
    const { status, text } = await fetchFrom(port, '/ratings/7', post(body));
    expect([status, text]).toEqual([400, '{"error":"please provide valid ratings JSON"}']);
  });

  test('asks for a numeric product, and knows no other path', async () => {
    const port = await serving(createRatings({}));
    const { status, text } = await fetchFrom(port, '/ratings/abc');
    expect([status, text]).toEqual([400, '{"error":"please provide numeric product ID"}']);
    expect(await fetchFrom(port, '/else')).toMatchObject({ status: 404, text: '' });
  });

  test('a body that is too large is answered with an error and does not stop the service', async () => {
    const port = await serving(createRatings({}));
    expect((await fetchFrom(port, '/ratings/7', post('x'.repeat(100_000)))).status).toBe(500);
    expect((await fetchFrom(port, '/health')).text).toBe('{"status":"Ratings is healthy"}');
  });

  test('v-faulty fails for the unlucky half', async () => {
    let luck = 0.9;
    const port = await serving(
      createRatings({ SERVICE_VERSION: 'v-faulty' }, { now: Date.now, random: () => luck }),
    );
    expect((await fetchFrom(port, '/ratings/0')).status).toBe(200);
    luck = 0.1;
    expect(await fetchFrom(port, '/ratings/0')).toMatchObject({
      status: 503,
      text: '{"error":"Service unavailable"}',
    });
  });

  test('v-unavailable is away every other minute, v-unhealthy every other quarter of an hour', async () => {
    let now = 0;
    const world = { now: () => now, random: () => 0 };
    const unavailable = await serving(createRatings({ SERVICE_VERSION: 'v-unavailable' }, world));
    const unhealthy = await serving(createRatings({ SERVICE_VERSION: 'v-unhealthy' }, world));
    const statuses = async () => [
      (await fetchFrom(unavailable, '/ratings/0')).status,
      (await fetchFrom(unhealthy, '/health')).status,
    ];
    expect(await statuses()).toEqual([200, 200]);
    now = 60_000;
    expect(await statuses()).toEqual([503, 200]);
    now = 16 * 60_000;
    expect(await statuses()).toEqual([200, 500]);
  });

  test('an unknown version is refused at start', () => {
    expect(() => createRatings({ SERVICE_VERSION: 'v2' })).toThrow(/must be one of v1, .*got "v2"/);
  });
});
