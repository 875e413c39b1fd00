import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lookAtKept } from '../../../../src/dp/adoption/kept.ts';
import { aKeptEnvoy } from '../../../support/kept-envoy.ts';

let dir: string;
let server: Server;
/** Requests, those without an answer included. */
let asked = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kept-'));
  asked = 0;
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(dir, { recursive: true });
});

/** An admin interface that leaves so many requests without an answer. */
async function look(unanswered: number, answerMs = 10_000) {
  const socketPath = join(dir, 'admin.sock');
  const options = { restart_epoch: 3, config_path: '/run/bootstrap.3.json' };
  server = createServer((_request, response) => {
    if (++asked > unanswered) response.end(JSON.stringify({ state: 'LIVE', command_line_options: options }));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const { answer } = await lookAtKept(aKeptEnvoy({ place: { socketPath } }), answerMs);
  return answer;
}

const ITSELF = { state: 'LIVE', epoch: 3, configPath: '/run/bootstrap.3.json' };

test('an Envoy that was kept says who it is', async () => {
  expect(await look(0)).toEqual(ITSELF);
  expect(asked).toBe(1);
});

test('one that does not answer in time, as on a host that stood still, is asked once more before it is taken for one that hangs', async () => {
  expect(await look(1, 1_000)).toEqual(ITSELF);
});

test('one that hangs says nothing', async () => {
  expect(await look(Number.POSITIVE_INFINITY, 200)).toBeUndefined();
  expect(asked).toBe(2);
});
