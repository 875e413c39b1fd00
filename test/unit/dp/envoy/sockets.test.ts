import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { countAccepted, parseTcpTable } from '../../../../src/dp/envoy/sockets.ts';

test('established and listening sockets are read from the table of the kernel, others are not', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0',
    '   1: 0100007F:3A99 0100007F:D2A1 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 20 4 30 10 -1',
    '   2: 0100007F:3A99 0100007F:D2A3 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0',
  ].join('\n');
  expect(parseTcpTable(table)).toEqual([
    { localPort: 15_001, listening: true, inode: '111' },
    { localPort: 15_001, listening: false, inode: '222' },
  ]);
});

test('connections that were accepted count, those that were opened do not', async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
  const group = Number(/\) \S+ \d+ (\d+)/.exec(stat)?.[1]);
  const before = countAccepted(group);
  const accepted = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await accepted;
  expect(countAccepted(group)).toBe(before + 1);
  client.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  expect(countAccepted(999_999_999)).toBe(0);
});
