import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOverlayTemplates } from '../../../src/dp/bootstrap/templates.ts';
import { createAdminClient } from '../../../src/dp/envoy/admin-client.ts';
import { type AttachedRelay, attachRelay } from '../../../src/dp/relay/attach.ts';
import { CLUSTER } from '../../../src/envoy/type-urls.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { makeXdsResource } from '../../../src/xds/resource.ts';
import { WireWriter } from '../../../src/xds/wire/wire.ts';
import { startAdsServer, type TestAdsServer } from '../../support/ads-server.ts';
import { snapshotOf, staticCluster } from '../../support/xds-resources.ts';
import { until } from '../dp/support/agent.ts';
import { realEnvoy } from '../dp/support/envoy-binary.ts';

const SECRET = 'token-that-must-not-leave';
let dir: string;
let cp: TestAdsServer;
let attached: AttachedRelay;
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'relay-envoy-'));
  cp = await startAdsServer();
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await cp.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** As a control plane sends it: with its own address and the token. */
function received(port: number): JsonObject {
  return {
    node: { id: 'default.a', cluster: 'test' },
    dynamic_resources: {
      lds_config: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
      cds_config: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [
          {
            envoy_grpc: { cluster_name: 'ads' },
            initial_metadata: [{ key: 'authorization', value: SECRET }],
          },
        ],
      },
    },
    static_resources: {
      clusters: [
        {
          name: 'ads',
          load_assignment: {
            cluster_name: 'ads',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
                ],
              },
            ],
          },
        },
      ],
    },
  };
}

async function attach(port: number): Promise<void> {
  attached = await attachRelay(received(port), {
    enabled: true,
    template: readOverlayTemplates().relay,
    trust: { skipVerify: false },
    socketPath: join(dir, 'xds.sock'),
    clock: systemClock,
    logger: silentLogger,
  });
  closers.push(() => attached.close());
}

let starts = 0;

function startEnvoy(port: number) {
  const name = `e${starts++}`;
  const admin = join(dir, `${name}.sock`);
  const path = join(dir, `${name}.json`);
  const text = JSON.stringify({
    ...attached.finish(received(port)),
    admin: { address: { pipe: { path: admin } } },
  });
  expect(text).not.toContain(SECRET);
  expect(text).not.toContain(`"port_value":${port}`);
  writeFileSync(path, text);
  const child = spawn(realEnvoy ?? '', ['-c', path, '--disable-hot-restart', '-l', 'warning'], {
    stdio: 'ignore',
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  closers.push(kill);
  const get = async (from: string): Promise<string> => {
    const client = createAdminClient({ socketPath: admin }, 15_000);
    try {
      return (await client.get(from)).body;
    } catch {
      return '';
    } finally {
      client.close();
    }
  };
  return { kill, get, isLive: async () => (await get('/ready')).startsWith('LIVE') };
}

describe.skipIf(realEnvoy === undefined)('a real Envoy behind the relay', () => {
  test('gets its configuration, comes back warm with a dead control plane, and its token stays with the agent', async () => {
    const port = cp.target.port ?? 0;
    cp.cache.set('default.a', snapshotOf([staticCluster('alpha'), staticCluster('beta')]));
    await attach(port);
    const first = startEnvoy(port);
    await until(
      () => first.isLive(),
      () => JSON.stringify(attached.relay?.status),
    );
    expect(await first.get('/clusters')).toContain('beta::');
    expect(await first.get('/config_dump')).not.toContain(SECRET);
    await until(
      () => attached.relay?.status.unanswered === 0,
      () => 'unanswered',
    );
    expect(
      attached
        .accepted()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['alpha', 'beta']);

    await cp.stop();
    await first.kill();
    const second = startEnvoy(port);
    await until(
      () => second.isLive(),
      () => JSON.stringify(attached.relay?.status),
    );
    expect(await second.get('/clusters')).toContain('beta::');
    expect(attached.relay?.status.upstream.connected).toBe(false);
  });

  test('refuses more than its words have room for, and none of that is taken for accepted', async () => {
    const port = cp.target.port ?? 0;
    const clusters = Array.from({ length: 100 }, (_, i) => `outbound:service-${i}`);
    // An EDS cluster without a source of endpoints.
    const unusable = (name: string) =>
      makeXdsResource(CLUSTER, name, new WireWriter().string(1, name).varint(2, 3).finish());
    cp.cache.set('default.a', snapshotOf(clusters.map((name) => staticCluster(name))));
    await attach(port);
    const envoy = startEnvoy(port);
    const bytes = () => new Set(attached.accepted().map((r) => Buffer.from(r.bytes).toString('latin1')));
    await until(
      async () => (await envoy.isLive()) && bytes().size === 100,
      () => JSON.stringify(attached.relay?.status),
    );
    const good = bytes();
    cp.cache.set('default.a', snapshotOf([...clusters.map(unusable), staticCluster('fine')]));
    await until(
      () => cp.log.some((line) => line.startsWith('nack')),
      () => cp.log.join('\n'),
    );
    expect([...good].every((resource) => bytes().has(resource))).toBe(true);
    cp.cache.set('default.a', snapshotOf([...clusters, 'fine'].map((name) => staticCluster(name, '2'))));
    await until(
      () => bytes().size === 101 && attached.relay?.status.unanswered === 0,
      () => String(bytes().size),
    );
  });

  test('that takes nothing of a response for the fault of one resource is offered the others once more with the next', async () => {
    const port = cp.target.port ?? 0;
    // A policy for load balancing that is none.
    const invalid = (name: string) =>
      makeXdsResource(CLUSTER, name, new WireWriter().string(1, name).varint(6, 99).finish());
    cp.cache.set('default.a', snapshotOf([staticCluster('alpha'), staticCluster('beta')]));
    await attach(port);
    const envoy = startEnvoy(port);
    await until(
      () => envoy.isLive(),
      () => JSON.stringify(attached.relay?.status),
    );
    cp.cache.set('default.a', snapshotOf([staticCluster('alpha'), invalid('beta'), staticCluster('gamma')]));
    await until(
      () => cp.log.some((line) => line.startsWith('nack')),
      () => cp.log.join('\n'),
    );
    expect(
      attached
        .accepted()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['alpha', 'beta']);
    cp.cache.set(
      'default.a',
      snapshotOf([staticCluster('alpha'), staticCluster('beta', '2'), staticCluster('gamma')]),
    );
    await until(
      async () => (await envoy.get('/clusters')).includes('gamma::'),
      () => `${attached.accepted().map(({ name }) => name)}`,
    );
    expect(await envoy.get('/clusters')).toContain('beta::');
  });

  test('follows changes and removals', async () => {
    const port = cp.target.port ?? 0;
    cp.cache.set('default.a', snapshotOf([staticCluster('alpha'), staticCluster('beta')]));
    await attach(port);
    const envoy = startEnvoy(port);
    await until(
      () => envoy.isLive(),
      () => JSON.stringify(attached.relay?.status),
    );
    cp.cache.set('default.a', snapshotOf([staticCluster('beta'), staticCluster('gamma')]));
    await until(
      async () => {
        const clusters = await envoy.get('/clusters');
        return clusters.includes('gamma::') && !clusters.includes('alpha::');
      },
      () => JSON.stringify(attached.relay?.status),
    );
    await until(
      () => cp.log.filter((line) => line.startsWith('ack')).length >= 3,
      () => cp.log.join('\n'),
    );
  });
});
