import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { toHexAddress } from '../../../src/lib/ip-address.ts';
import {
  findSocketHolders,
  parseSocketTable,
  readListeningSockets,
  readSocketInodes,
} from '../../../src/lib/listening-sockets.ts';

test.each(['127.0.0.1', '::1', '0.0.0.0', '::'])('a server on %s is found with its process', async (host) => {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const found = readListeningSockets(['tcp']).filter(
    (socket) => socket.port === port && socket.address === toHexAddress(host),
  );
  expect(found).toMatchObject([{ protocol: 'tcp', uid: process.getuid?.() }]);
  const inode = found[0]?.inode ?? '';
  expect(findSocketHolders([inode, 'no inode'])).toEqual(new Map([[inode, process.pid]]));
  expect(readSocketInodes(process.pid)?.has(inode)).toBe(true);
  server.close();
});

test('a connection is no server, and a datagram socket takes datagrams', async () => {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  await once(udp, 'listening');
  expect(readListeningSockets(['tcp']).some(({ port }) => port === client.localPort)).toBe(false);
  expect(readListeningSockets(['udp']).some(({ port }) => port === udp.address().port)).toBe(true);
  client.destroy();
  server.close();
  udp.close();
});

test('lines that are cut off or no sockets say nothing', () => {
  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  const line =
    '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0';
  expect(parseSocketTable('tcp', `${head}\n${line}\n${line.slice(0, 60)}\n\nnonsense`)).toEqual([
    { protocol: 'tcp', address: '7f000001', port: 8080, uid: 1000, inode: '4711' },
  ]);
});

test('nobody can be looked into who is not there', () => {
  expect(readSocketInodes(4_194_305)).toBeUndefined();
  expect(findSocketHolders(['no inode'])).toEqual(new Map());
});
