import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startReadinessServer } from '../../../../src/dp/readiness/server.ts';
import { exchange } from '../../../../src/lib/http-exchange.ts';

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
