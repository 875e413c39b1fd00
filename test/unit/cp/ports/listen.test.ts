import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { listen } from '../../../../src/cp/ports/listen.ts';

const WHAT = { purpose: 'the REST API', setting: 'apiServer.http.port (KUMA_API_SERVER_HTTP_PORT)' };

test('port 0 is whatever the kernel chose', async () => {
  const server = createServer();
  const { port, address } = await listen(server, { host: '127.0.0.1', port: 0 }, WHAT);
  expect(port).toBeGreaterThan(0);
  expect(address).toBe('127.0.0.1');
  server.close();
});

test('a port that is taken is named, with what it is for and the setting that moves it', async () => {
  const holder = createServer();
  const { port } = await listen(holder, { host: '127.0.0.1', port: 0 }, WHAT);
  await expect(listen(createServer(), { host: '127.0.0.1', port }, WHAT)).rejects.toMatchObject({
    code: 'port-taken',
    message: expect.stringMatching(
      new RegExp(`the REST API .*127\\.0\\.0\\.1:${port}.*KUMA_API_SERVER_HTTP_PORT`),
    ),
  });
  holder.close();
});

test('an address that this machine has not is said to be that', async () => {
  await expect(listen(createServer(), { host: '192.0.2.1', port: 0 }, WHAT)).rejects.toMatchObject({
    code: 'address-missing',
    message: expect.stringContaining('192.0.2.1'),
  });
});
