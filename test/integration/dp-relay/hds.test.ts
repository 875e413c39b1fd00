import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeDeltaRequest } from '../../../src/dp/relay/codec/delta.ts';
import { type Relay, startRelay } from '../../../src/dp/relay/relay.ts';
import { CLUSTER } from '../../../src/envoy/type-urls.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { until } from '../dp/support/agent.ts';

const HDS = '/envoy.service.health.v3.HealthDiscoveryService/StreamHealthCheck';
const ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
type Call = grpc.ServerDuplexStream<Buffer, Buffer>;
const same = (bytes: Buffer) => bytes;
const method = (path: string) => ({
  path,
  requestStream: true as const,
  responseStream: true as const,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

let dir: string;
let relay: Relay;
/** What the control plane heard on each HDS stream. */
let heard: string[][];
let calls: Call[];
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'relay-hds-'));
  heard = [];
  calls = [];
  const server = new grpc.Server();
  const hds = (call: Call) => {
    const lines: string[] = [];
    heard.push(lines);
    calls.push(call);
    call.on('data', (data: Buffer) => lines.push(data.toString())).on('error', () => {});
  };
  server.addService(
    { hds: method(HDS), ads: method(ADS) },
    { hds, ads: (call: Call) => void call.resume().on('error', () => {}) },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  closers.push(() => server.forceShutdown());
  relay = await startRelay({
    socketPath: join(dir, 's'),
    target: { endpoints: [{ host: '127.0.0.1', port }], metadata: {}, prefers: 'delta', hds: true },
    clock: systemClock,
    logger: silentLogger,
  });
  closers.push(() => relay.close());
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(dir, { recursive: true, force: true });
});

/** The two streams of one Envoy. */
function envoy(epoch: number) {
  const client = new grpc.Client(`unix:${join(dir, 's')}`, grpc.credentials.createInsecure(), { epoch });
  closers.push(() => client.close());
  const metadata = new grpc.Metadata();
  metadata.set('x-kuma-dp-epoch', String(epoch));
  const open = (path: string) =>
    client.makeBidiStreamRequest(path, same, same, metadata).on('error', () => {});
  const ads = open(ADS);
  ads.resume();
  const request = {
    node: Buffer.from([0x0a, 1, 0x61]),
    typeUrl: CLUSTER,
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map(),
    responseNonce: '',
    rest: new Uint8Array(0),
  };
  ads.write(Buffer.from(encodeDeltaRequest(request)));
  const hds = open(HDS);
  const got: string[] = [];
  hds.on('data', (data: Buffer) => got.push(data.toString()));
  return {
    say: (text: string) => void hds.write(Buffer.from(text)),
    got,
    leave() {
      ads.cancel();
      hds.cancel();
    },
  };
}

describe('health discovery through the relay', () => {
  test('passes both ways, and the introduction is repeated when the stream has to be opened again', async () => {
    const one = envoy(0);
    one.say('I am one');
    await until(
      () => heard[0]?.length === 1,
      () => JSON.stringify(heard),
    );
    calls[0]?.write(Buffer.from('check this'));
    await until(
      () => one.got.length === 1,
      () => 'nothing',
    );
    one.say('healthy');
    await until(
      () => heard[0]?.length === 2,
      () => JSON.stringify(heard),
    );
    calls[0]?.end();
    await until(
      () => heard[1]?.length === 1,
      () => JSON.stringify(heard),
    );
    one.say('still healthy');
    await until(
      () => heard[1]?.length === 2,
      () => JSON.stringify(heard),
    );
    expect(heard).toEqual([
      ['I am one', 'healthy'],
      ['I am one', 'still healthy'],
    ]);
  });

  test('only one Envoy is heard; when it leaves the other one is', async () => {
    const one = envoy(0);
    one.say('I am one');
    await until(
      () => heard[0]?.length === 1,
      () => JSON.stringify(heard),
    );
    const two = envoy(1);
    two.say('I am two');
    await until(
      () => heard.at(-1)?.[0] === 'I am two',
      () => JSON.stringify(heard),
    );
    one.say('one again');
    two.say('two again');
    await until(
      () => heard.at(-1)?.length === 2,
      () => JSON.stringify(heard),
    );
    expect(heard.flat()).not.toContain('one again');
    two.leave();
    await until(
      () => heard.at(-1)?.[0] === 'I am one',
      () => JSON.stringify(heard),
    );
  });
});
