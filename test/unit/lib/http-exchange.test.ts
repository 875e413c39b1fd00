import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { exchange } from '../../../src/lib/http-exchange.ts';
import { standStill } from '../../support/stand-still.ts';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(handle: RequestListener): Promise<URL> {
  const server = createServer(handle);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

test('who does not answer is given up', async () => {
  const url = await serve(() => {});
  await expect(exchange({ url, timeoutMs: 100 })).rejects.toMatchObject({
    code: 'ETIMEDOUT',
    message: 'no answer within 100 ms',
  });
});

test('a process that stands still for longer than the time it gives does not blame who it asked', async () => {
  const url = await serve((_request, response) => {
    standStill(700);
    response.end('here');
  });
  expect(await exchange({ url, timeoutMs: 500 })).toMatchObject({ status: 200, body: 'here' });
});
