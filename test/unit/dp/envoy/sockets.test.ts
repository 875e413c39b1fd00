import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { countAccepted, listListening, parseTcpTable, untilQuiet } from '../../../../src/dp/envoy/sockets.ts';
import { systemClock } from '../../../../src/lib/clock.ts';

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

/** Listens, and tells its port and each connection it accepts; its process group outlives the shell that leads it. */
const SERVER = `
  const server = require('node:net').createServer(() => console.log('accepted'));
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

test('connections that were accepted count, those that were opened do not, even when who leads the group is gone', async () => {
  const shell = spawn('/bin/sh', ['-c', '"$0" -e "$1" &', process.execPath, SERVER], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const group = shell.pid ?? 0;
  const lines = createInterface(shell.stdout)[Symbol.asyncIterator]();
  try {
    await once(shell, 'exit');
    const port = Number((await lines.next()).value);
    expect(countAccepted(group)).toBe(0);
    const client = connect(port, '127.0.0.1');
    expect((await lines.next()).value).toBe('accepted');
    expect(countAccepted(group)).toBe(1);
    client.destroy();
  } finally {
    process.kill(-group, 'SIGKILL');
  }
  expect(countAccepted(999_999_999)).toBe(0);
});

test('a connection is waited for when nobody listens on its port any more, as while no Envoy serves', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection') as Promise<[NodeJS.Socket & { destroy(): void }]>;
  const client = connect(port, '127.0.0.1');
  const [connection] = await accepted;
  const ports = listListening(process.pid);
  server.close();
  expect(countAccepted(process.pid)).toBe(0);
  expect(countAccepted(process.pid, ports)).toBe(1);
  let quiet = false;
  const timeoutMs = 10_000;
  const done = untilQuiet(process.pid, { clock: systemClock, timeoutMs, ports }).then(() => {
    quiet = true;
  });
  // Three looks.
  await new Promise((resolve) => setTimeout(resolve, 900));
  expect(quiet).toBe(false);
  connection.destroy();
  client.destroy();
  await done;
});

/** Waits for the connections of itself with no descriptor left, and tells for how long. */
const SHORT_OF_FILES = `
  import { openSync } from 'node:fs';
  import { systemClock } from '${import.meta.resolve('../../../../src/lib/clock.ts')}';
  import { untilQuiet } from '${import.meta.resolve('../../../../src/dp/envoy/sockets.ts')}';
  try {
    for (;;) openSync('/dev/null');
  } catch {}
  const begun = performance.now();
  await untilQuiet(process.pid, { clock: systemClock, timeoutMs: 1_200 });
  console.log(performance.now() - begun);
`;

test('who cannot look at the connections, for want of file descriptors, waits as long as it may', async () => {
  const script = 'ulimit -n 64; exec "$0" --input-type=module-typescript -e "$1"';
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script, process.execPath, SHORT_OF_FILES]);
  expect(Number(stdout)).toBeGreaterThan(1_000);
});
