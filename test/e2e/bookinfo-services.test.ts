import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { allocatePort, allocatePorts } from '../support/ports.ts';
import { builtProgram, runProgram, startProgram, stopAll, waitUntil } from '../support/processes.ts';

let ratings: Server | undefined;

afterEach(async () => {
  ratings?.close();
  await stopAll();
});

async function start(instance: string, port: number, env: Record<string, string> = {}) {
  const service = startProgram(builtProgram('bookinfo'), [instance, '--port', String(port)], { env });
  await service.waitForLine(`listens on 127.0.0.1:${port}`);
  return service;
}

async function pageText(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/productpage`);
  expect(response.status).toBe(200);
  return response.text();
}

const filledStars = (page: string) => page.split('<svg id="glyphicon glyphicon-star"').length - 1;

describe('the Bookinfo services without a mesh', () => {
  test('the page shows no stars with reviews v1, nine black ones with v2 and nine red ones with v3', async () => {
    const [ratings = 0, details = 0, v1 = 0, v2 = 0, v3 = 0, ...pages] = await allocatePorts(8);
    await start('ratings-v1', ratings);
    await start('details-v1', details);
    const behind = {
      ...{ RATINGS_HOSTNAME: '127.0.0.1', RATINGS_PORT: String(ratings) },
      ...{ UPSTREAM_TIMEOUT_MS: '30000', RATINGS_TIMEOUT_MS: '30000' },
    };
    for (const [index, reviews] of [v1, v2, v3].entries()) {
      await start(`reviews-v${index + 1}`, reviews, behind);
      const env = { ...behind, DETAILS_HOSTNAME: '127.0.0.1', DETAILS_PORT: String(details) };
      await start('productpage-v1', pages[index] ?? 0, {
        ...env,
        REVIEWS_HOSTNAME: '127.0.0.1',
        REVIEWS_PORT: String(reviews),
      });
    }
    const [first = '', second = '', third = ''] = await Promise.all(pages.map(pageText));
    expect([first, second, third].map(filledStars)).toEqual([0, 9, 9]);
    expect(first).toMatch(/Reviews served by:[^\n]*reviews-v1/);
    expect(second).toContain('text-black-500"');
    expect(third).toContain('text-red-500"');
    expect(third).toContain('>1234567890</td>');
  });

  test('a service ends with code 0 on SIGTERM and answers what it has begun to answer', async () => {
    let answerRatings = () => {};
    let server = createServer();
    const asked = new Promise<void>((resolve) => {
      server = createServer((_, response) => {
        answerRatings = () => response.end('{"ratings":{"Reviewer1":1,"Reviewer2":2}}');
        resolve();
      });
    });
    ratings = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port: ratingsPort } = server.address() as AddressInfo;
    const port = await allocatePort();
    const env = { RATINGS_HOSTNAME: '127.0.0.1', RATINGS_PORT: String(ratingsPort) };
    const reviews = await start('reviews-v2', port, env);
    const answer = fetch(`http://127.0.0.1:${port}/reviews/0`);
    await asked;
    reviews.signal('SIGTERM');
    await waitUntil(
      async () =>
        fetch(`http://127.0.0.1:${port}/health`).then(
          () => false,
          () => true,
        ),
      {
        describe: 'the service to accept no more connections',
      },
    );
    answerRatings();
    expect((await answer).status).toBe(200);
    expect(await reviews.exited).toEqual({ code: 0, signal: null });
  });

  test('a taken port is an error that names it', async () => {
    const port = await allocatePort();
    await start('details', port);
    const { code, stderr } = await runProgram(builtProgram('bookinfo'), ['ratings', '--port', String(port)]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `bookinfo: cannot serve ratings on 127.0.0.1:${port}: another program has the port; stop it or choose another with --port\n`,
    );
  });
});
