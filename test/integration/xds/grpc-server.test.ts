import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { createCaCertificate, issueServerCertificate } from '../../../src/crypto/x509.ts';
import { AdsClient } from '../../support/ads-client.ts';
import { startAdsServer, type TestAdsServerOptions } from '../../support/ads-server.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { assignment, edsCluster, snapshotOf } from '../../support/xds-resources.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(options: TestAdsServerOptions = {}) {
  const server = await startAdsServer(options);
  cleanups.push(() => server.stop());
  server.cache.set('m.a', snapshotOf([edsCluster('a'), assignment('a')]));
  return server;
}

async function identity() {
  const newKey = () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
  const dates = { nowMs: Date.now(), lifetimeMs: 3_600_000 };
  const ca = { keyPem: newKey(), certPem: '' };
  ca.certPem = await createCaCertificate({ ...dates, commonName: 'test CA', keyPem: ca.keyPem });
  const key = newKey();
  const cert = await issueServerCertificate({
    ...dates,
    ca,
    commonName: 'cp',
    keyPem: key,
    dnsNames: ['localhost'],
    addresses: ['127.0.0.1'],
  });
  return { key, cert, ca: ca.certPem };
}

test('sockets past a TLS handshake with ALPN h2 can be handed to the server', async () => {
  const tlsIdentity = await identity();
  const server = await serve({ tls: tlsIdentity });
  const client = new AdsClient({
    target: { ...server.target, ca: tlsIdentity.ca },
    mode: 'delta',
    node: { id: 'm.a' },
  });
  cleanups.push(() => client.close());
  await client.until((c) => c.warm);
  expect(server.log[0]).toBe('open m.a');
});

test('a TLS client that offers no h2 is not answered, and others are', async () => {
  const tlsIdentity = await identity();
  const server = await serve({ tls: tlsIdentity });
  const odd = tls.connect({ port: server.target.port ?? 0, host: '127.0.0.1', ca: tlsIdentity.ca });
  odd.on('error', () => {});
  cleanups.push(() => odd.destroy());
  odd.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const client = new AdsClient({
    target: { ...server.target, ca: tlsIdentity.ca },
    mode: 'sotw',
    node: { id: 'm.a' },
  });
  cleanups.push(() => client.close());
  await client.until((c) => c.warm);
});

test('a peer that goes silent without closing is found by keep-alive, and its stream counts as broken', async () => {
  const server = await serve({ keepaliveTimeMs: 100, keepaliveTimeoutMs: 1_000 });
  let frozen = false;
  const sockets: net.Socket[] = [];
  const middle = net.createServer((near) => {
    const far = net.connect(server.target.port ?? 0, '127.0.0.1');
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => {});
    near.on('data', (bytes) => frozen || far.write(bytes));
    far.on('data', (bytes) => frozen || near.write(bytes));
  });
  middle.listen(0, '127.0.0.1');
  await once(middle, 'listening');
  cleanups.push(() => {
    middle.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = middle.address() as net.AddressInfo;
  const client = new AdsClient({ target: { host: '127.0.0.1', port }, mode: 'delta', node: { id: 'm.a' } });
  cleanups.push(() => client.close());
  await client.until((c) => c.warm);
  frozen = true;
  await waitUntil(() => server.log.includes('closed m.a false'), { describe: () => server.log.join('; ') });
  expect(server.service.streamCount).toBe(0);
});
