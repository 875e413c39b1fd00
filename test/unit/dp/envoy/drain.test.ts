import { expect, test } from 'vitest';
import type { AdminClient } from '../../../../src/dp/envoy/admin-client.ts';
import { drainEnvoy } from '../../../../src/dp/envoy/drain.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';

/** Answers until `silentAfter` requests were made. */
function adminThat(connections: number, silentAfter = Number.POSITIVE_INFINITY): AdminClient {
  let asked = 0;
  const answer = async (path: string) => {
    if (++asked > silentAfter) throw new Error('admin does not answer within 2000 ms');
    const body = path.startsWith('/listeners')
      ? '{}'
      : `listener.127.0.0.1_80.downstream_cx_active: ${connections}\n`;
    return { status: 200, body };
  };
  return { get: answer, post: answer, close() {} };
}

function drain(admin: AdminClient, hurry = new AbortController().signal) {
  const waited: number[] = [];
  const untilQuiet = async (timeoutMs: number) => void waited.push(timeoutMs);
  const done = drainEnvoy({ admin, drainTimeMs: 60_000, hurry, logger: silentLogger, untilQuiet });
  return done.then(() => waited);
}

test('an Envoy without connections is not waited for', async () => {
  expect(await drain(adminThat(0))).toEqual([]);
});

test.each([
  ['from the start', 0],
  ['in the middle', 3],
])(
  'connections of an Envoy that does not answer %s are not cut: the kernel tells when they end',
  async (_when, after) => {
    const [waited = 0] = await drain(adminThat(1, after));
    expect(waited).toBeGreaterThan(30_000);
    expect(waited).toBeLessThanOrEqual(60_000);
  },
);

test('an Envoy that once does not answer in time, as on a host that stood still, is told and heard all the same', async () => {
  const asked: string[] = [];
  const answer = async (path: string) => {
    asked.push(path);
    // The first try of each.
    if (asked.filter((one) => one === path).length === 1)
      throw new Error('admin does not answer within 2000 ms');
    return { status: 200, body: path.startsWith('/listeners') ? '{}' : '' };
  };
  expect(await drain({ get: answer, post: answer, close() {} })).toEqual([]);
  expect(asked.map((path) => path.split('?')[0])).toEqual([
    ...['/listeners', '/listeners', '/healthcheck/fail', '/healthcheck/fail'],
    ...['/drain_listeners', '/drain_listeners', '/stats', '/stats'],
  ]);
});

test('whoever is in a hurry waits for nothing', async () => {
  const hurry = new AbortController();
  const drained = drain(adminThat(1), hurry.signal);
  hurry.abort();
  expect(await drained).toEqual([]);
});
