import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type AdminClient, createAdminClient } from '../../../../src/dp/envoy/admin-client.ts';
import { standStill } from '../../../support/stand-still.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(handle: RequestListener, timeoutMs: number): Promise<AdminClient> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createAdminClient({ port: (server.address() as AddressInfo).port }, timeoutMs);
  closers.push(
    () => client.close(),
    () => server.closeAllConnections(),
    () => void server.close(),
  );
  return client;
}

test('an Envoy that never answers, or stops in the middle of an answer, is given up', async () => {
  const mute = await serve(() => {}, 100);
  await expect(mute.get('/ready')).rejects.toThrow('admin does not answer within 100 ms');
  const half = await serve((_request, response) => response.writeHead(200).write('half'), 100);
  await expect(half.get('/stats')).rejects.toThrow();
});

test('an answer that takes longer than the time is read as long as it goes on', async () => {
  const client = await serve((_request, response) => {
    let left = 8;
    const next = () => (left-- > 0 ? response.write('x', () => setTimeout(next, 100)) : response.end());
    next();
  }, 500);
  expect(await client.get('/stats')).toEqual({ status: 200, body: 'xxxxxxxx' });
});

test('an agent that itself stands still for longer than the time does not take Envoy for silent', async () => {
  const client = await serve((_request, response) => {
    standStill(700);
    response.end('LIVE\n');
  }, 500);
  expect(await client.get('/ready')).toEqual({ status: 200, body: 'LIVE\n' });
});
