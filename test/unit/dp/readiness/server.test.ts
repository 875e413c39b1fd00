import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkAdminPort } from '../../../../src/dp/envoy/admin-port.ts';
import { startReadinessServer } from '../../../../src/dp/readiness/server.ts';
import { isPortFree } from '../../../../src/lib/free-port.ts';
import { exchange } from '../../../../src/lib/http-exchange.ts';
import { peekText } from '../../../../src/lib/peek.ts';
import { allocatePort } from '../../../support/ports.ts';

test('clients that send half a request, or none, keep others waiting for seconds only', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'dp-ready-'));
  const socketPath = join(dir, 'agent.sock');
  const pages = { '/ready': () => ({ status: 200, body: 'READY\n' }) as const };
  const server = await startReadinessServer({ port: 0, socketPath, pages });
  const clients = Array.from({ length: 64 }, () => connect(server.port, '127.0.0.1').on('error', () => {}));
  try {
    await Promise.all(clients.map((client) => once(client, 'connect')));
    for (const client of clients.slice(1)) client.write('GET /ready HTTP/1.1\r\nHost: a');
    const ended = Promise.all(clients.map((client) => once(client.resume(), 'close')));
    const startedAt = performance.now();
    await ended;
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    const url = new URL(`http://127.0.0.1:${server.port}/ready`);
    expect(await exchange({ url, timeoutMs: 5_000 })).toMatchObject({ status: 200 });
  } finally {
    for (const client of clients) client.destroy();
    await server.close();
    rmSync(dir, { recursive: true });
  }
});

test('a server whose socket cannot be made lets its port go: it is started again and again', async () => {
  const port = await allocatePort();
  const socketPath = join(tmpdir(), 'no-such-directory', 'agent.sock');
  await expect(startReadinessServer({ port, socketPath, pages: {} })).rejects.toThrow();
  expect(await isPortFree(port, '127.0.0.1')).toBe(true);
});

const FIRST_OF_ALL = Number(peekText('/proc/sys/net/ipv4/ip_unprivileged_port_start'));

test.skipIf(FIRST_OF_ALL <= 80)(
  'a readiness or admin port that this user may not open is a mistake in the settings',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'dp-ready-'));
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      const socketPath = join(dir, 'agent.sock');
      const refused = (name: string) => ({
        code: 'settings-invalid',
        message: expect.stringMatching(`^${name} 80 .*above 1023, or .*CAP_NET_BIND_SERVICE`) as string,
      });
      await expect(startReadinessServer({ port: 80, socketPath, pages: {} })).rejects.toMatchObject(
        refused('--readiness-port'),
      );
      await expect(checkAdminPort(80)).rejects.toMatchObject(refused('--admin-port'));
    } finally {
      if (isRoot) process.seteuid?.(0);
      rmSync(dir, { recursive: true });
    }
  },
);
