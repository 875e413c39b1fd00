import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeSotwRequest, encodeSotwResponse, type SotwRequest } from '../../../src/dp/relay/codec/sotw.ts';
import { type Relay, startRelay } from '../../../src/dp/relay/relay.ts';
import type { RelayTarget } from '../../../src/dp/relay/target.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../src/envoy/type-urls.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import type { XdsResource } from '../../../src/xds/resource.ts';
import { AdsClient } from '../../support/ads-client.ts';
import { startAdsServer, type TestAdsServer } from '../../support/ads-server.ts';
import { assignment, edsCluster, listener, route, snapshotOf } from '../../support/xds-resources.ts';
import { until } from '../dp/support/agent.ts';

const NODE = { id: 'default.a' };
let dir: string;
const closers: (() => unknown)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'relay-'));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(dir, { recursive: true, force: true });
});

function mesh(salt: string): readonly XdsResource[] {
  return ['a', 'b'].flatMap((name) => [
    edsCluster(name, salt),
    assignment(name, salt),
    listener(`l-${name}`, { route: `r-${name}`, salt }),
    route(`r-${name}`, salt),
  ]);
}

async function controlPlane(): Promise<TestAdsServer> {
  const server = await startAdsServer();
  closers.push(() => server.stop());
  return server;
}

function targetOf(port: number | undefined, more: Partial<RelayTarget> = {}): RelayTarget {
  const endpoints = [{ host: '127.0.0.1', port: port ?? 0 }];
  return { endpoints, metadata: {}, prefers: 'delta', hds: false, ...more };
}

async function relayTo(target: RelayTarget, logger = silentLogger): Promise<Relay> {
  const relay = await startRelay({
    socketPath: join(dir, 'xds.sock'),
    target,
    clock: systemClock,
    logger,
  });
  closers.push(() => relay.close());
  return relay;
}

function envoy(epoch = 0, mode: 'delta' | 'sotw' = 'delta', refuse?: (name: string) => boolean): AdsClient {
  const client = new AdsClient({
    target: { socketPath: join(dir, 'xds.sock') },
    mode,
    node: NODE,
    headers: { 'x-kuma-dp-epoch': String(epoch) },
    ...(refuse === undefined
      ? {}
      : {
          refuse: (_type, { name }) =>
            refuse(name) ? `Error adding/updating listener(s) ${name}: bad` : undefined,
        }),
  });
  closers.push(() => client.close());
  return client;
}

const holds = (client: AdsClient, resources: readonly XdsResource[]) =>
  resources.every(({ typeUrl, name, any }) => {
    const held = client.held(typeUrl).get(name)?.message;
    return held !== undefined && Buffer.from(any).includes(Buffer.from(held));
  });

describe('the relay between Envoys and a control plane, over real sockets', () => {
  for (const upstream of ['delta', 'sotw'] as const) {
    for (const downstream of ['delta', 'sotw'] as const) {
      test(`${upstream} upstream, ${downstream} downstream: configuration arrives, changes follow, all is acknowledged`, async () => {
        const cp = await controlPlane();
        cp.cache.set(NODE.id, snapshotOf(mesh('1')));
        const relay = await relayTo(targetOf(cp.target.port, { prefers: upstream }));
        const client = envoy(0, downstream);
        await client.until((c) => c.warm && holds(c, mesh('1')));
        cp.cache.set(NODE.id, snapshotOf(mesh('2')));
        await client.until((c) => c.warm && holds(c, mesh('2')));
        await until(
          () => relay.status.unanswered === 0,
          () => JSON.stringify(relay.status),
        );
        expect(relay.status.upstream).toMatchObject({ connected: true, mode: upstream });
        expect(relay.accepted()?.types.find(({ typeUrl }) => typeUrl === ROUTE)?.resources).toHaveLength(2);
      });
    }
  }

  test('a new Envoy is warm at once though the control plane is dead, and follows it when it is back', async () => {
    const cp = await controlPlane();
    cp.cache.set(NODE.id, snapshotOf(mesh('1')));
    const relay = await relayTo(targetOf(cp.target.port));
    const first = envoy();
    await first.until((c) => c.warm && holds(c, mesh('1')));
    await until(
      () => relay.status.unanswered === 0,
      () => 'unanswered',
    );
    await cp.stop();
    await until(
      () => !relay.status.upstream.connected,
      () => 'connected',
    );
    first.close();
    const second = envoy();
    await second.until((c) => c.warm && holds(c, mesh('1')));
    const back = await controlPlane();
    back.cache.set(NODE.id, snapshotOf(mesh('2')));
    relay.retarget(targetOf(back.target.port));
    await second.until((c) => c.warm && holds(c, mesh('2')));
  });

  test('what was accepted starts an Envoy beside another relay that has never seen the control plane', async () => {
    const cp = await controlPlane();
    cp.cache.set(NODE.id, snapshotOf(mesh('1')));
    const relay = await relayTo(targetOf(cp.target.port));
    await envoy().until((c) => c.warm && holds(c, mesh('1')));
    await until(
      () => relay.status.unanswered === 0,
      () => 'unanswered',
    );
    const snapshot = relay.accepted();
    if (snapshot === undefined) throw new Error('nothing accepted');
    await relay.close();
    const other = await relayTo(targetOf(1));
    other.restore(snapshot);
    const client = envoy();
    await client.until((c) => c.warm && holds(c, mesh('1')));
    const versions = (of: typeof snapshot | undefined) =>
      JSON.stringify(of?.types.map(({ typeUrl, version }) => [typeUrl, version]).sort());
    await until(
      () => versions(other.accepted()) === versions(snapshot),
      () => versions(other.accepted()),
    );
  });

  test('a refusal reaches the control plane with the words of Envoy, and only the good part counts as accepted', async () => {
    const cp = await controlPlane();
    cp.cache.set(NODE.id, snapshotOf(mesh('1')));
    const relay = await relayTo(targetOf(cp.target.port));
    let bad = '';
    const client = envoy(0, 'delta', (name) => name === bad);
    await client.until((c) => c.warm && holds(c, mesh('1')));
    await until(
      () => relay.status.unanswered === 0,
      () => 'unanswered',
    );
    bad = 'l-a';
    cp.cache.set(NODE.id, snapshotOf(mesh('2')));
    await until(
      () => cp.log.some((line) => /^nack .*Listener Error adding.* l-a: bad/.test(line)),
      () => cp.log.join('\n'),
    );
    const version = (name: string) =>
      relay
        .accepted()
        ?.types.find(({ typeUrl }) => typeUrl === LISTENER)
        ?.resources.find((r) => r.name === name)?.any;
    await until(
      () => Buffer.from(version('l-b') ?? '').includes('2'),
      () => 'l-b is not accepted',
    );
    expect(Buffer.from(version('l-a') ?? '').at(-1)).toBe('1'.charCodeAt(0));
  });

  test('of a stream that was lost soon after it came, the log tells that it is back once that lasts', async () => {
    const cp = await controlPlane();
    cp.cache.set(NODE.id, snapshotOf(mesh('1')));
    const told: string[] = [];
    const tell = (fields: object, message: string) => told.push(`${message} ${JSON.stringify(fields)}`);
    await relayTo(targetOf(cp.target.port), { ...silentLogger, info: tell, warn: tell });
    await envoy().until((c) => c.warm && holds(c, mesh('1')));
    const rival = new AdsClient({ target: cp.target, mode: 'delta', node: NODE });
    closers.push(() => rival.close());
    await until(
      () => told.length === 3,
      () => told.join('\n'),
    );
    expect(told).toEqual([
      expect.stringContaining('connected to the control plane'),
      expect.stringMatching(/no stream to the control plane.*another agent may run under its mesh and name/),
      expect.stringContaining('connected to the control plane'),
    ]);
  });

  test('a control plane that only knows SotW is served in SotW', async () => {
    const requests: SotwRequest[] = [];
    const port = await rawServer('StreamAggregatedResources', (call) => {
      call.on('data', (bytes: Buffer) => {
        const request = decodeSotwRequest(bytes);
        requests.push(request);
        if (request.responseNonce !== '') return;
        const { typeUrl } = request;
        const empty = { versionInfo: '1', resources: [], typeUrl, nonce: '1', rest: new Uint8Array(0) };
        call.write(Buffer.from(encodeSotwResponse(empty)));
      });
    });
    const relay = await relayTo(targetOf(port));
    await envoy().until((c) => c.warm);
    expect(relay.status.upstream.mode).toBe('sotw');
    await until(
      () => requests.filter((r) => r.responseNonce === '1').length === 2,
      () => JSON.stringify(requests),
    );
  });

  test('garbage, half answers and a stream that ends every 100 ms cost little, and Envoy keeps what it has', async () => {
    const cp = await controlPlane();
    cp.cache.set(NODE.id, snapshotOf(mesh('1')));
    const relay = await relayTo(targetOf(cp.target.port));
    const client = envoy();
    await client.until((c) => c.warm && holds(c, mesh('1')));
    const attempts: number[] = [];
    const bad = await rawServer('DeltaAggregatedResources', (call) => {
      attempts.push(performance.now());
      if (attempts.length % 3 === 0) call.write(Buffer.from([0xff, 0xff, 0xff]));
      setTimeout(() => call.end(), 100);
    });
    relay.retarget(targetOf(bad));
    relay.reconnect('a new token');
    await until(
      () => attempts.length === 6,
      () => `${attempts.length} attempts`,
    );
    // Each pause is longer than the one before; however slow all this is, none is shorter.
    for (const [i, pauseMs] of [50, 100, 200, 400, 800].entries())
      expect((attempts[i + 1] ?? 0) - (attempts[i] ?? 0)).toBeGreaterThan(pauseMs - 5);
    expect(holds(client, mesh('1'))).toBe(true);
    relay.retarget(targetOf(cp.target.port));
    cp.cache.set(NODE.id, snapshotOf(mesh('2')));
    await client.until((c) => c.warm && holds(c, mesh('2')));
  });

  test('an Envoy that takes over has everything before the old one loses a word; the old one keeps getting endpoints only', async () => {
    const cp = await controlPlane();
    cp.cache.set(NODE.id, snapshotOf(mesh('1')));
    const relay = await relayTo(targetOf(cp.target.port));
    const parent = envoy(0);
    await parent.until((c) => c.warm && holds(c, mesh('1')));
    const child = envoy(1);
    await child.until((c) => c.warm && holds(c, mesh('1')));
    await until(
      () => relay.status.envoys.every(({ live }) => live),
      () => JSON.stringify(relay.status),
    );
    cp.cache.set(NODE.id, snapshotOf(mesh('2')));
    await child.until((c) => c.warm && holds(c, mesh('2')));
    const open = mesh('2').filter(({ typeUrl }) => typeUrl === CLUSTER || typeUrl === ENDPOINT);
    await parent.until((c) => holds(c, open));
    expect(
      holds(
        parent,
        mesh('1').filter(({ typeUrl }) => typeUrl === LISTENER),
      ),
    ).toBe(true);
  });
});

/** Raw ADS server of grpc-js. */
async function rawServer(
  name: string,
  talk: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => void,
): Promise<number> {
  const same = (bytes: Buffer) => bytes;
  const method = {
    path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${name}`,
    requestStream: true as const,
    responseStream: true as const,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  const server = new grpc.Server();
  server.addService({ talk: method }, { talk });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  closers.push(() => server.forceShutdown());
  return port;
}

test('a server that knows no xDS at all is left for the next control plane', async () => {
  const stranger = http2.createServer();
  let streams = 0;
  stranger.on('stream', (stream) => {
    streams++;
    stream.respond({ ':status': 404 }, { endStream: true });
  });
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  closers.push(() => stranger.close());
  const server = await controlPlane();
  server.cache.set(NODE.id, snapshotOf(mesh('1')));
  const { port } = stranger.address() as AddressInfo;
  const endpoints = [port, server.target.port ?? 0].map((each) => ({ host: '127.0.0.1', port: each }));
  await relayTo(targetOf(undefined, { endpoints }));
  const client = envoy();
  await until(
    () => holds(client, mesh('1')),
    () => `${streams} streams at the stranger`,
  );
  // Both variants are tried before.
  expect(streams).toBe(2);
});
