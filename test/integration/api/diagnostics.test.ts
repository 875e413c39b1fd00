import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDiagnostics, createMetricsRegistry } from '../../../src/cp/api/diagnostics.ts';
import { closeHttpServer, createHttpServer } from '../../../src/cp/api/http-server.ts';
import { silentLogger } from '../../../src/lib/logger.ts';

let isReady = false;
const registry = createMetricsRegistry();
const server = createHttpServer(createDiagnostics({ ready: () => isReady, registry, logger: silentLogger }));

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => closeHttpServer(server, 0));

function ask(
  path: string,
  method = 'GET',
  headers = {},
): Promise<{ status: number; text: string; type: string | undefined }> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, type: response.headers['content-type'] }),
      );
    });
    call.on('error', reject);
    call.end();
  });
}

test('readiness follows the control plane while health only needs the process', async () => {
  expect(await ask('/ready')).toMatchObject({ status: 503 });
  expect(await ask('/healthy')).toMatchObject({ status: 200 });
  isReady = true;
  expect(await ask('/ready')).toMatchObject({ status: 200 });
});

test('metrics of the process are there in the text format', async () => {
  const { status, text, type } = await ask('/metrics?x=1');
  expect(status).toBe(200);
  expect(type).toContain('text/plain');
  expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
});

test.each([
  ['/', 'GET', {}, 404],
  ['/metrics/', 'GET', {}, 404],
  ['/constructor', 'GET', {}, 404],
  ['/ready', 'POST', {}, 405],
  ['/metrics', 'GET', { origin: 'https://evil.example' }, 403],
  ['/metrics', 'GET', { 'sec-fetch-site': 'cross-site' }, 403],
])('%s %s with %j is %i', async (path, method, headers, status) => {
  expect((await ask(path, method, headers)).status).toBe(status);
});
