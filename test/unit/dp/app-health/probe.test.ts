import { getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProbe, type Probe } from '../../../../src/dp/app-health/probe.ts';
import type { AppCheck } from '../../../../src/dp/config/agent-config.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const server = createServer((_request, response) => response.end('well'));
let port = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

const CHECKS: readonly (readonly [string, () => AppCheck])[] = [
  ['http', () => ({ kind: 'http', url: new URL(`http://127.0.0.1:${port}/`) })],
  ['tcp', () => ({ kind: 'tcp', host: '127.0.0.1', port })],
  ['exec', () => ({ kind: 'exec', command: ['/bin/true'] })],
];

test.each(CHECKS)(
  'checks by %s leave nothing behind at the signal that ends them all',
  async (_kind, check) => {
    const ending = new AbortController();
    const probe = createProbe(check(), 15_000);
    for (let i = 0; i < 5; i++) expect(await probe(ending.signal)).toEqual({ ok: true, reason: '' });
    await waitUntil(() => getEventListeners(ending.signal, 'abort').length === 0);
  },
);

test.each([
  ...CHECKS.slice(0, 2),
  ['exec', () => ({ kind: 'exec', command: ['/bin/sleep', '5'] }) as const] as const,
])('a check by %s that is cancelled ends, before and in the middle', async (_kind, check) => {
  const probe: Probe = createProbe(check(), 15_000);
  expect((await probe(AbortSignal.abort())).ok).toBe(false);
  const ending = new AbortController();
  const found = probe(ending.signal);
  ending.abort();
  expect((await found).ok).toBe(false);
});

test('a command that the system will not even try to start is a failed check', async () => {
  const probe = createProbe({ kind: 'exec', command: ['/bin/true\0'] }, 15_000);
  expect(await probe(new AbortController().signal)).toMatchObject({
    ok: false,
    reason: expect.stringContaining('cannot be started') as string,
  });
});
