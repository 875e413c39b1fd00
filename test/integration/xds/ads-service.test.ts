import { afterEach, describe, expect, test } from 'vitest';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../src/envoy/type-urls.ts';
import { StreamRefused } from '../../../src/xds/callbacks.ts';
import type { ProxySnapshot } from '../../../src/xds/resource.ts';
import { openAdsChannel } from '../../support/ads-channel.ts';
import { AdsClient, type AdsClientOptions } from '../../support/ads-client.ts';
import { startAdsServer, type TestAdsServer, type TestAdsServerOptions } from '../../support/ads-server.ts';
import { encodeDeltaRequest } from '../../support/ads-wire.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { assignment, edsCluster, listener, route, snapshotOf } from '../../support/xds-resources.ts';

const ABORTED = 10;
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const basic = [
  edsCluster('a'),
  edsCluster('b'),
  assignment('a'),
  assignment('b'),
  listener('l', { route: 'r' }),
  route('r'),
];
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(options: TestAdsServerOptions = {}): Promise<TestAdsServer> {
  const server = await startAdsServer(options);
  cleanups.push(() => server.stop());
  return server;
}

function connect(server: TestAdsServer, options: Partial<AdsClientOptions> = {}): AdsClient {
  const client = new AdsClient({ target: server.target, mode: 'delta', node: { id: 'm.a' }, ...options });
  cleanups.push(() => client.close());
  return client;
}

function holds(client: AdsClient, snapshot: ProxySnapshot): boolean {
  return [CLUSTER, ENDPOINT, LISTENER, ROUTE].every((typeUrl) => {
    const wanted = snapshot.get(typeUrl) ?? new Map();
    const held = client.held(typeUrl);
    return (
      held.size === wanted.size &&
      [...wanted].every(([name, { version }]) => held.get(name)?.version === version)
    );
  });
}

describe.each(['delta', 'sotw'] as const)('an Envoy speaking %s', (mode) => {
  test('becomes warm, follows a change and is known to have it', async () => {
    const server = await serve();
    const first = snapshotOf(basic);
    server.cache.set('m.a', first);
    const client = connect(server, { mode });
    await client.until((c) => c.warm && holds(c, first));
    const second = snapshotOf(
      [
        edsCluster('a', 'new'),
        edsCluster('c'),
        assignment('a'),
        assignment('c'),
        listener('l', { route: 'r' }),
        route('r'),
      ],
      first,
    );
    server.cache.set('m.a', second);
    await client.until((c) => c.warm && holds(c, second));
    await waitUntil(() => server.service.status('m.a')?.settled === true, { describe: 'the server knows' });
    expect(server.log).toContain('ack m.a Cluster');
  });

  test('is warm with a configuration that is empty', async () => {
    const server = await serve();
    server.cache.set('m.a', snapshotOf([]));
    await connect(server, { mode }).until((c) => c.warm);
  });

  test('keeps what it accepted when it refuses an update, and the reason is on record', async () => {
    const server = await serve();
    const first = snapshotOf(basic);
    const bad = snapshotOf([...basic, listener('l', { salt: 'bad' })], first);
    const badVersion = bad.get(LISTENER)?.get('l')?.version;
    server.cache.set('m.a', first);
    const client = connect(server, {
      mode,
      refuse: (_type, { version }) => (version === badVersion ? 'no such filter' : undefined),
    });
    await client.until((c) => c.warm);
    server.cache.set('m.a', bad);
    await waitUntil(() => server.service.status('m.a')?.rejections.get(LISTENER) === 'no such filter', {
      describe: 'the reason',
    });
    expect(server.log).toContain('nack m.a Listener no such filter');
    expect(holds(client, first)).toBe(true);
  });

  test('reconnects to a restarted control plane and stays warm', async () => {
    const first = await serve();
    first.cache.set('m.a', snapshotOf(basic));
    const sent: string[] = [];
    const client = connect(first, { mode, onResponse: ({ typeUrl }) => sent.push(typeUrl) });
    await client.until((c) => c.warm);
    await first.stop();
    const second = await serve();
    second.cache.set('m.a', snapshotOf(basic));
    sent.length = 0;
    client.reconnect({ target: second.target });
    await waitUntil(() => second.service.status('m.a')?.settled === true, { describe: 'the stream' });
    // Delta tells what it has; SotW is answered, at no cost to Envoy.
    if (mode === 'delta') expect(sent).toEqual([]);
    const update = snapshotOf([...basic, assignment('a', 'new')]);
    second.cache.set('m.a', update);
    await client.until((c) => holds(c, update));
  });

  test('that lost its state is given everything again', async () => {
    const server = await serve();
    const snapshot = snapshotOf(basic);
    server.cache.set('m.a', snapshot);
    const client = connect(server, { mode });
    await client.until((c) => c.warm);
    client.reconnect({ fresh: true });
    await client.until((c) => c.warm && holds(c, snapshot));
  });
});

describe('a second stream of one node', () => {
  test('replaces the first at once, and the first is told why', async () => {
    const server = await serve();
    server.cache.set('m.a', snapshotOf(basic));
    const old = connect(server);
    await old.until((c) => c.warm);
    const young = connect(server);
    expect(await old.ended).toEqual({
      code: ABORTED,
      message: expect.stringContaining('replaced by a newer stream'),
    });
    await young.until((c) => c.warm);
    expect(server.log.filter((line) => /^(open|closed)/.test(line))).toEqual([
      'open m.a',
      'closed m.a true',
      'open m.a',
    ]);
  });

  test('that is refused leaves the first alone', async () => {
    const server = await serve({
      callbacks: {
        authorize({ headers }) {
          if (headers.get('authorization') !== 'Bearer good')
            throw new StreamRefused('UNAUTHENTICATED', 'authentication failed: no token');
        },
      },
    });
    server.cache.set('m.a', snapshotOf(basic));
    const good = connect(server, { headers: { authorization: 'Bearer good' } });
    await good.until((c) => c.warm);
    const stranger = connect(server);
    expect(await stranger.ended).toEqual({
      code: UNAUTHENTICATED,
      message: 'authentication failed: no token',
    });
    const update = snapshotOf([...basic, assignment('a', 'new')]);
    server.cache.set('m.a', update);
    await good.until((c) => holds(c, update));
  });

  test('again and again makes the log say that two agents share a name', async () => {
    const warnings: string[] = [];
    const logger = {
      debug() {},
      info() {},
      error() {},
      warn: (_facts: object, message: string) => void warnings.push(message),
      child: () => logger,
    };
    const server = await serve({ logger });
    server.cache.set('m.a', snapshotOf([]));
    for (let i = 0; i < 7; i++) await connect(server).until((c) => c.warm);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('two agents');
  });
});

describe('a client that breaks the rules loses its stream and harms nobody', () => {
  async function withWitness(options: TestAdsServerOptions = {}) {
    const server = await serve(options);
    server.cache.set('m.w', snapshotOf(basic));
    server.cache.set('m.a', snapshotOf(basic));
    const witness = connect(server, { node: { id: 'm.w' } });
    await witness.until((c) => c.warm);
    return {
      server,
      async stillServed() {
        const update = snapshotOf([...basic, assignment('a', 'witness')]);
        server.cache.set('m.w', update);
        await witness.until((c) => holds(c, update));
      },
    };
  }

  const raw = (server: TestAdsServer, mode: 'delta' | 'sotw' = 'delta') => {
    const channel = openAdsChannel({ target: server.target, mode, onMessage: () => {} });
    cleanups.push(() => channel.destroy());
    return channel;
  };

  test.each(['delta', 'sotw'] as const)('with bytes that are no %s request', async (mode) => {
    const { server, stillServed } = await withWitness();
    const channel = raw(server, mode);
    channel.send(Buffer.from([0x0a, 0xff, 0xff, 0x01, 0x02]));
    expect((await channel.ended).code).toBe(INVALID_ARGUMENT);
    await stillServed();
  });

  test('with node metadata nested without end', async () => {
    const { server, stillServed } = await withWitness();
    let nested: Record<string, unknown> = {};
    for (let i = 0; i < 1500; i++) nested = { n: nested };
    const channel = raw(server);
    channel.send(encodeDeltaRequest({ node: { id: 'm.a', metadata: nested }, typeUrl: CLUSTER }));
    channel.halfClose();
    expect([0, INVALID_ARGUMENT]).toContain((await channel.ended).code);
    await stillServed();
  });

  test('with a first request that tells no node', async () => {
    const { server, stillServed } = await withWitness();
    const channel = raw(server);
    channel.send(encodeDeltaRequest({ typeUrl: CLUSTER }));
    expect(await channel.ended).toEqual({
      code: INVALID_ARGUMENT,
      message: 'the first request of a stream must carry a node with an id',
    });
    await stillServed();
  });

  test('with a node id that changes in mid-stream', async () => {
    const { server, stillServed } = await withWitness();
    const channel = raw(server);
    channel.send(encodeDeltaRequest({ node: { id: 'm.a' }, typeUrl: CLUSTER }));
    channel.send(encodeDeltaRequest({ node: { id: 'm.b' }, typeUrl: LISTENER }));
    expect(await channel.ended).toEqual({
      code: INVALID_ARGUMENT,
      message: 'node id changed from "m.a" to "m.b" in mid-stream',
    });
    await stillServed();
  });

  test('with more types than there are', async () => {
    const { server, stillServed } = await withWitness();
    const channel = raw(server);
    for (let i = 0; i < 40; i++)
      channel.send(encodeDeltaRequest({ node: { id: 'm.a' }, typeUrl: `type-${i}`, subscribe: ['x'] }));
    expect((await channel.ended).code).toBe(RESOURCE_EXHAUSTED);
    await stillServed();
  });

  test('with a request larger than the limit', async () => {
    const { server, stillServed } = await withWitness({ maxRequestBytes: 1000 });
    const channel = raw(server);
    channel.send(encodeDeltaRequest({ node: { id: 'm.a' }, typeUrl: 'x'.repeat(2000) }));
    expect((await channel.ended).code).toBe(RESOURCE_EXHAUSTED);
    await stillServed();
  });

  test('by never saying who it is', async () => {
    const clock = createFakeClock();
    const { server, stillServed } = await withWitness({ clock });
    const channel = raw(server);
    await waitUntil(() => server.service.streamCount === 2, { describe: 'the stream' });
    clock.advance(30_000);
    expect(await channel.ended).toEqual({ code: INVALID_ARGUMENT, message: 'no request within 30 s' });
    await stillServed();
  });

  test('with something that is not even gRPC', async () => {
    const { server, stillServed } = await withWitness();
    const channel = raw(server);
    channel.sendRaw(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    channel.halfClose();
    await channel.ended;
    await stillServed();
  });

  test('and so does one whose control plane code throws', async () => {
    const { server, stillServed } = await withWitness({
      callbacks: {
        async onOpen({ node }) {
          if (node.id === 'm.a') throw new Error('bug');
        },
      },
    });
    const channel = raw(server);
    channel.send(encodeDeltaRequest({ node: { id: 'm.a' }, typeUrl: CLUSTER }));
    const end = await channel.ended;
    expect(end.code).toBe(INTERNAL);
    expect(end.message).not.toContain('bug');
    await stillServed();
  });
});

describe('ends of streams', () => {
  test('a half-closed stream is answered OK and counts as graceful, a cut connection does not', async () => {
    const server = await serve();
    server.cache.set('m.a', snapshotOf(basic));
    const polite = connect(server);
    await polite.until((c) => c.warm);
    polite.channel.halfClose();
    expect((await polite.ended).code).toBe(0);
    await waitUntil(() => server.log.at(-1) === 'closed m.a true', { describe: 'closed' });
    const rude = connect(server);
    await rude.until((c) => c.warm);
    rude.channel.destroy();
    await waitUntil(() => server.log.at(-1) === 'closed m.a false', { describe: 'closed' });
    expect(server.service.streamCount).toBe(0);
  });

  test('closing the service tells every proxy UNAVAILABLE and refuses new ones', async () => {
    const server = await serve();
    const clients = ['m.a', 'm.b', 'm.c'].map((id) => {
      server.cache.set(id, snapshotOf(basic));
      return connect(server, { node: { id } });
    });
    await Promise.all(clients.map((client) => client.until((c) => c.warm)));
    await server.service.close();
    for (const client of clients) expect((await client.ended).code).toBe(UNAVAILABLE);
    expect((await connect(server).ended).code).toBe(UNAVAILABLE);
    expect(server.log.filter((line) => line.startsWith('closed'))).toHaveLength(3);
  });
});

describe('a proxy that does not read', () => {
  test('holds nobody up, costs a bounded amount of memory, and has the newest state when it reads again', async () => {
    const server = await serve();
    const big = 'x'.repeat(100_000);
    const version = (n: number) =>
      snapshotOf([
        ...basic,
        ...Array.from({ length: 20 }, (_, i) => listener(`big-${i}`, { salt: `${n}${big}` })),
      ]);
    server.cache.set('m.slow', version(0));
    server.cache.set('m.a', snapshotOf(basic));
    const slow = connect(server, { node: { id: 'm.slow' }, windowBytes: 65_535 });
    await slow.until((c) => c.warm);
    slow.channel.pause();
    const other = connect(server);
    await other.until((c) => c.warm);
    const before = server.log.filter((line) => line === 'sent m.slow Listener').length;
    for (let n = 1; n <= 50; n++) {
      server.cache.set('m.slow', version(n));
      const update = snapshotOf([...basic, assignment('a', String(n))]);
      server.cache.set('m.a', update);
      await other.until((c) => holds(c, update));
    }
    const sent = server.log.filter((line) => line === 'sent m.slow Listener').length - before;
    expect(sent).toBeLessThanOrEqual(2);
    expect(server.service.status('m.slow')?.settled).toBe(false);
    slow.channel.resume();
    await slow.until((c) => holds(c, version(50)));
  });
});

describe('many at once', () => {
  test('are answered at the admitted rate, and those who leave the queue leave no trace', async () => {
    const server = await serve({ admission: { ratePerSecond: 50, burst: 5 } });
    const clients = Array.from({ length: 15 }, (_, i) => {
      server.cache.set(`m.${i}`, snapshotOf([]));
      return connect(server, { node: { id: `m.${i}` } });
    });
    const start = performance.now();
    await waitUntil(() => server.service.streamCount === 15, { describe: 'all open' });
    clients.at(-1)?.close();
    await Promise.all(clients.slice(0, -1).map((client) => client.until((c) => c.warm)));
    expect(performance.now() - start).toBeGreaterThan(150);
    await waitUntil(() => server.service.streamCount === 14, { describe: '14 left' });
  });
});
