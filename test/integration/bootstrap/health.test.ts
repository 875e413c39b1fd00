import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBootstrapListener } from '../../../src/cp/bootstrap/http.ts';
import type { HealthWord } from '../../../src/cp/lifecycle/health.ts';
import { silentLogger } from '../../../src/lib/logger.ts';

let server: Server;
let url = '';
let words: { name: string; word: HealthWord }[] = [];

beforeEach(async () => {
  words = [];
  server = createServer(
    createBootstrapListener({
      bootstrap: async () => ({ status: 500, body: '' }),
      leave: async () => false,
      health: async ({ name }, word) => {
        words.push({ name, word });
        return name === 'known';
      },
      logger: silentLogger,
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
});

afterEach(() => new Promise((resolve) => server.close(resolve)));

const post = (body: string) =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } });

test('an agent says how its application is, and is told whether its proxy is known', async () => {
  const word = { mesh: 'default', name: 'known', healthy: false, reason: 'refused' };
  expect((await post(JSON.stringify(word))).status).toBe(204);
  expect((await post(JSON.stringify({ ...word, name: 'unknown' }))).status).toBe(404);
  expect((await post(JSON.stringify({ mesh: 'default', name: 'known', healthy: true }))).status).toBe(204);
  expect(words.map(({ word: { healthy, reason } }) => [healthy, reason])).toEqual([
    [false, 'refused'],
    [false, 'refused'],
    [true, ''],
  ]);
});

test('a reason is one line of bounded length, whatever was sent', async () => {
  const reason = `first\r\nsecond\u001b[31m${'x'.repeat(10_000)}`;
  await post(JSON.stringify({ mesh: 'default', name: 'known', healthy: false, reason }));
  const got = words[0]?.word.reason ?? '';
  expect(got.startsWith('first second [31mxxx')).toBe(true);
  expect(got.length).toBeLessThanOrEqual(300);
});

test.each([
  '',
  '{',
  '[]',
  '{"mesh":"default","name":"known"}',
  '{"mesh":"default","name":"known","healthy":"no"}',
])('a body without mesh, name and a yes or no is refused: %s', async (body) => {
  expect((await post(body)).status).toBe(400);
  expect(words).toEqual([]);
});

test('nothing but POST is taken', async () => {
  expect((await fetch(url)).status).toBe(405);
  expect(words).toEqual([]);
});
