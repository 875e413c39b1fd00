import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { describePortHolder, findHolders } from '../../../../src/dp/ports/holders.ts';
import { toPlace } from '../../../../src/dp/ports/place.ts';
import { allocatePort } from '../../../support/ports.ts';

const tcp = (address: string, port: number) => {
  const place = toPlace({ protocol: 'tcp', address, port, dual: true });
  if (place === undefined) throw new Error(`${address} is no address`);
  return place;
};

test('who has a port is named with the process, on its address and on no other', async () => {
  const port = await allocatePort();
  expect(describePortHolder('127.0.0.1', port)).toBeUndefined();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect(describePortHolder('127.0.0.1', port)).toMatch(
    new RegExp(`^process ${process.pid} \\(.*node.*\\)$`),
  );
  expect(describePortHolder('127.0.0.2', port)).toBeUndefined();
  const [here, elsewhere, all] = ['127.0.0.1', '127.0.0.2', '0.0.0.0'].map((address) => tcp(address, port));
  if (here === undefined || elsewhere === undefined || all === undefined) throw new Error('three places');
  const holders = findHolders([here, elsewhere, all]);
  expect(holders.get(here)).toMatchObject([{ pid: process.pid }]);
  expect(holders.get(elsewhere)).toEqual([]);
  expect(holders.get(all)).toMatchObject([{ pid: process.pid }]);
  server.close();
});

test('a server on all addresses of both families has the port on each', async () => {
  const port = await allocatePort();
  const server = createServer().listen(port, '::');
  await once(server, 'listening');
  for (const address of ['127.0.0.1', '::1']) expect(describePortHolder(address, port)).toBeDefined();
  server.close();
});

test('what is no address nobody has', () => {
  expect(describePortHolder('web.test', 80)).toBeUndefined();
});
