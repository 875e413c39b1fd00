import { beforeEach, describe, expect, test } from 'vitest';
import { ProxyInsights } from '../../../../src/cp/insights/proxy-insights.ts';
import { followDataplanes } from '../../../../src/cp/lifecycle/follow-dataplanes.ts';
import { ProxyLeases } from '../../../../src/cp/lifecycle/leases.ts';
import { ProxyStreams } from '../../../../src/cp/lifecycle/proxy-streams.ts';
import { RefusalLog } from '../../../../src/cp/lifecycle/refusal-log.ts';
import { createProxyRegistry } from '../../../../src/cp/lifecycle/registration.ts';
import { createResourceManager, type ResourceManager } from '../../../../src/cp/resources/manager.ts';
import { createMemoryStore } from '../../../../src/cp/store/memory/memory-store.ts';
import { SyncError } from '../../../../src/cp/sync/errors.ts';
import { type Logger, silentLogger } from '../../../../src/lib/logger.ts';
import type { StreamInfo } from '../../../../src/xds/callbacks.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

const PROXY = { mesh: 'm', name: 'a' };
const GRACE = 3_000;
const LEASE = 60_000;

let clock: FakeClock;
let manager: ResourceManager;
let leases: ProxyLeases;
let insights: ProxyInsights;
let streams: ProxyStreams;
let liveness: Map<string, string>;
let logged: string[];
/** Node ids with a configuration. */
let configured: Set<string>;
/** Replaced by tests that need making a configuration to take time or to fail. */
let configure: () => Promise<void>;
let lastId: number;

beforeEach(async () => {
  clock = createFakeClock();
  const store = createMemoryStore({ clock, logger: silentLogger });
  manager = createResourceManager({ store, logger: silentLogger, zone: 'default', advise: async () => [] });
  await manager.put({ body: { type: 'Mesh', name: 'm' }, expected: { type: 'Mesh', name: 'm' } });
  liveness = new Map();
  logged = [];
  configured = new Set();
  configure = async () => {};
  lastId = 0;
  const note = (facts: object, message: string) => void logged.push(`${message} ${JSON.stringify(facts)}`);
  const logger: Logger = { debug() {}, info() {}, warn: note, error: note, child: () => logger };
  insights = new ProxyInsights({
    clock,
    logger,
    instanceId: 'cp',
    newId: () => 's',
    flushMs: 1_000,
    counterFlushMs: 1_000,
    write: async () => {},
  });
  leases = new ProxyLeases({
    clock,
    logger: silentLogger,
    graceMs: GRACE,
    leaseMs: LEASE,
    onLiveness: ({ name }, now) => liveness.set(name, now),
  });
  streams = new ProxyStreams({
    registry: createProxyRegistry({ manager, hasStream: (proxy) => streams.hasStream(proxy) }),
    config: {
      async connect({ nodeId }) {
        configured.add(nodeId);
        await configure();
      },
      disconnect: (nodeId) => void configured.delete(nodeId),
    },
    leases,
    insights,
    leaseWithKeptEnvoyMs: LEASE * 10,
    refusals: new RefusalLog(clock, logger),
    logger,
  });
  followDataplanes(store, streams);
});

/** A stream as the xDS server hands it over. */
function aStream({ node = 'm.a', brings = false } = {}): StreamInfo {
  const resource = JSON.stringify(document());
  return {
    id: ++lastId,
    mode: 'delta',
    node: {
      id: node,
      cluster: '',
      metadata: brings ? { 'dataplane.resource': resource } : {},
      userAgentName: 'envoy',
      envoyVersion: '1.40.0',
    },
    peer: '127.0.0.1:1',
    headers: new Map(),
    close() {},
  };
}

function document() {
  return {
    type: 'Dataplane',
    ...PROXY,
    networking: { address: '10.0.0.1', inbound: [{ port: 80, tags: { 'kuma.io/service': 's' } }] },
  };
}

async function createDataplane(): Promise<void> {
  await manager.put({ body: document(), expected: { type: 'Dataplane', ...PROXY } });
}

const exists = async () => (await manager.get({ type: 'Dataplane', ...PROXY })) !== undefined;
const isOnline = () => insights.get('m', 'a')?.subscriptions.at(-1)?.disconnectTime === undefined;

/** Makes the next configuration wait; `release` lets it be. */
function holdConfiguration(): { release: () => void; begun: Promise<void> } {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  configure = () => {
    begun.resolve();
    configure = async () => {};
    return gate.promise;
  };
  return { release: gate.resolve, begun: begun.promise };
}

describe('a stream that breaks while its proxy is being connected', () => {
  test('leaves no proxy that counts as connected', async () => {
    await createDataplane();
    const held = holdConfiguration();
    const stream = aStream();
    const opening = streams.onOpen(stream);
    await held.begun;
    streams.onClosed(stream, false);
    held.release();
    await opening;
    expect(streams.hasStream(PROXY)).toBe(false);
    expect(leases.isConnected(PROXY)).toBe(false);
    expect(insights.get('m', 'a')).toBeUndefined();
    expect(configured.size).toBe(0);
  });

  test('gives the Dataplane that its agent brought a lease like any other', async () => {
    const stream = aStream({ brings: true });
    const opening = streams.onOpen(stream);
    streams.onClosed(stream, false);
    await opening;
    expect(await exists()).toBe(true);
    expect(isOnline()).toBe(false);
    clock.advance(LEASE);
    expect(liveness.get('a')).toBe('out');
  });
});

describe('a stream that is replaced while its proxy is being connected', () => {
  test('changes nothing of the newer one', async () => {
    await createDataplane();
    const held = holdConfiguration();
    const first = aStream();
    const opening = streams.onOpen(first);
    await held.begun;
    const second = aStream();
    streams.onClosed(first, true);
    await streams.onOpen(second);
    held.release();
    await opening;
    expect(isOnline()).toBe(true);
    expect(leases.isConnected(PROXY)).toBe(true);
    expect(configured).toEqual(new Set(['m.a']));
    streams.onClosed(second, false);
    expect(streams.hasStream(PROXY)).toBe(false);
    expect(leases.isConnected(PROXY)).toBe(false);
    expect(isOnline()).toBe(false);
  });
});

describe('an announced stop', () => {
  test('during the connecting keeps the endpoints out and removes what the agent brought when the stream ends', async () => {
    const held = holdConfiguration();
    const stream = aStream({ brings: true });
    const opening = streams.onOpen(stream);
    await held.begun;
    expect(await streams.leave(PROXY)).toBe(true);
    expect(await exists()).toBe(true);
    held.release();
    await opening;
    expect(liveness.get('a')).toBe('out');
    streams.onClosed(stream, true);
    await expect.poll(exists).toBe(false);
  });

  test('does not remove the Dataplane under a newer stream of the same name', async () => {
    const old = aStream({ brings: true });
    await streams.onOpen(old);
    const before = await manager.get({ type: 'Dataplane', ...PROXY });
    await streams.leave(PROXY);
    // The protocol server closes the old stream, then opens the new one in the same turn.
    streams.onClosed(old, true);
    await streams.onOpen(aStream({ brings: true }));
    // Not removed and made again either: nobody's endpoints blink.
    expect(await manager.get({ type: 'Dataplane', ...PROXY })).toEqual(before);
    expect(leases.isConnected(PROXY)).toBe(true);
    expect(liveness.get('a')).toBe('serving');
  });
});

describe('a Dataplane that is deleted', () => {
  test('is forgotten: made anew it has never been connected', async () => {
    await createDataplane();
    const stream = aStream();
    await streams.onOpen(stream);
    streams.onClosed(stream, false);
    await manager.delete({ type: 'Dataplane', ...PROXY });
    expect(insights.get('m', 'a')).toBeUndefined();
    await createDataplane();
    liveness.clear();
    clock.advance(LEASE * 2);
    expect(liveness.size).toBe(0);
    expect(insights.get('m', 'a')).toBeUndefined();
  });

  test('under its connected proxy leaves the proxy what it has, and nothing once the stream has ended', async () => {
    await createDataplane();
    const stream = aStream();
    await streams.onOpen(stream);
    await manager.delete({ type: 'Dataplane', ...PROXY });
    expect(configured).toEqual(new Set(['m.a']));
    streams.onClosed(stream, false);
    expect(insights.get('m', 'a')).toBeUndefined();
    expect(clock.pending).toBeLessThanOrEqual(1);
    clock.advance(LEASE * 2);
    expect(liveness.get('a')).toBe('serving');
  });

  test('and made anew under its connected proxy is Online again and has its lease', async () => {
    await createDataplane();
    const stream = aStream();
    await streams.onOpen(stream);
    await manager.delete({ type: 'Dataplane', ...PROXY });
    await createDataplane();
    expect(isOnline()).toBe(true);
    streams.onClosed(stream, false);
    clock.advance(LEASE);
    expect(liveness.get('a')).toBe('out');
  });
});

test('a stream that ends because the control plane stops says nothing of the proxy', async () => {
  await createDataplane();
  const stream = aStream();
  await streams.onOpen(stream);
  streams.stopping();
  streams.onClosed(stream, true);
  expect(isOnline()).toBe(true);
  clock.advance(LEASE * 2);
  expect(liveness.get('a')).toBe('serving');
});

describe('a proxy that is refused', () => {
  const refusals = () => logged.filter((line) => line.startsWith('stream of a proxy refused'));

  test('is told in the log once a minute, however often it comes back', async () => {
    for (let i = 0; i < 30; i++) {
      const stream = aStream();
      await expect(streams.onOpen(stream)).rejects.toThrow(
        'resource "m.a" not found; create a Dataplane a in mesh m first',
      );
      streams.onClosed(stream, true);
      clock.advance(1_999);
    }
    expect(refusals()).toHaveLength(1);
    await streams.onOpen(aStream()).catch(() => {});
    clock.advance(1_999);
    await streams.onOpen(aStream()).catch(() => {});
    expect(refusals()).toHaveLength(2);
  });

  test('is told again when the reason is another one', async () => {
    await streams.onOpen(aStream()).catch(() => {});
    await createDataplane();
    configure = () => Promise.reject(new SyncError('unknown-dataplane', 'there is no Dataplane a in mesh m'));
    await expect(streams.onOpen(aStream())).rejects.toThrow('there is no Dataplane a in mesh m');
    expect(refusals()).toHaveLength(2);
  });

  test('for an invented name is remembered for a while only', async () => {
    for (let i = 0; i < 3_000; i++) await streams.onOpen(aStream({ node: `nonsense-${i}` })).catch(() => {});
    expect(refusals()).toHaveLength(3_000);
    expect(logged[0]).toContain('it has to be MESH.NAME');
  });
});
