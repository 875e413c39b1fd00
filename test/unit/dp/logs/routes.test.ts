import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLogs } from '../../../../src/dp/logs/read.ts';
import { createLogRing, type LogRing } from '../../../../src/dp/logs/ring.ts';
import { answerLogs } from '../../../../src/dp/logs/routes.ts';
import { waitUntil } from '../../../support/wait-until.ts';

let dir: string;
let socketPath: string;
let server: Server;
let ring: LogRing;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'dp-logs-'));
  socketPath = join(dir, 'a.sock');
  ring = createLogRing();
  server = createServer((request, response) => {
    if (!answerLogs(ring, request, response)) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

test('the last lines are read', async () => {
  for (const line of ['a\n', 'b\n', 'c\n']) ring.write(line);
  expect(await read({ lines: 2 })).toBe('b\nc\n');
});

test('following prints what comes and ends with the agent', async () => {
  ring.write('old\n');
  let text = '';
  const reading = readLogs({
    socketPath,
    lines: 10,
    follow: true,
    onText: (t) => {
      text += t;
    },
  });
  await waitUntil(() => text === 'old\n');
  ring.write('new\n');
  await waitUntil(() => text === 'old\nnew\n');
  server.closeAllConnections();
  await reading;
});

test('a reader that went away costs nothing any more', async () => {
  const stop = new AbortController();
  const gone = readLogs({ socketPath, lines: 0, follow: true, onText: () => {}, signal: stop.signal });
  await waitUntil(() => new Promise((resolve) => server.getConnections((_e, n) => resolve(n === 1))));
  stop.abort();
  await expect(gone).rejects.toThrow();
  await waitUntil(() => new Promise((resolve) => server.getConnections((_e, n) => resolve(n === 0))));
  for (let i = 0; i < 10; i++) ring.write('x\n');
});

test('a follower whose own reader is slow is sent less, and told how many lines it missed', async () => {
  ring.write('old\n');
  const held = Promise.withResolvers<void>();
  const got: string[] = [];
  const reading = readLogs({
    socketPath,
    lines: 10,
    follow: true,
    onText(text) {
      got.push(text);
      return held.promise;
    },
  });
  await waitUntil(() => got.length === 1);
  for (let i = 0; i < 100; i++) {
    ring.write(`${'x'.repeat(100_000)}\n`);
    await new Promise(setImmediate);
  }
  expect(got).toEqual(['old\n']);
  held.resolve();
  await waitUntil(() => got.join('').length > 300_000);
  await waitUntil(() => {
    ring.write('new\n');
    return got.join('').includes('lines left out');
  });
  server.closeAllConnections();
  await reading;
});

test('an agent without logs is told apart from one that is gone', async () => {
  server.removeAllListeners('request');
  server.on('request', (_request, response) => response.writeHead(404).end());
  await expect(read({ lines: 1 })).rejects.toThrow('older agent');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(read({ lines: 1 })).rejects.toMatchObject({ code: 'ENOENT' });
});

test.each(['//', 'http://['])(
  'a request for %s, which is no URL, is one for something else',
  async (path) => {
    const status = await new Promise((resolve, reject) => {
      get({ socketPath, path, agent: false }, (response) => resolve(response.resume().statusCode)).once(
        'error',
        reject,
      );
    });
    expect(status).toBe(404);
  },
);

async function read({ lines }: { lines: number }): Promise<string> {
  let text = '';
  await readLogs({
    socketPath,
    lines,
    follow: false,
    onText: (t) => {
      text += t;
    },
  });
  return text;
}
