import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Relay, type RelayOptions, startRelay } from '../../../src/dp/relay/relay.ts';
import type { RelayTarget } from '../../../src/dp/relay/target.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { AdsClient } from '../../support/ads-client.ts';
import { until } from '../dp/support/agent.ts';

let dir: string;
const closers: (() => unknown)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'link-'));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(dir, { recursive: true, force: true });
});

interface Listening {
  readonly port: number;
  /** Authorization of each stream, in their order. */
  readonly streams: string[];
  readonly open: () => number;
}

/** A control plane that refuses all streams but those of one token, and says nothing to those. */
async function controlPlane(token: string): Promise<Listening> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  const streams: string[] = [];
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {}).on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    const given = headers.authorization ?? '';
    streams.push(given);
    stream.on('error', () => {});
    const answer = { ':status': 200, 'content-type': 'application/grpc' };
    if (given === token) stream.respond(answer);
    else
      stream.respond(
        { ...answer, 'grpc-status': '16', 'grpc-message': `${given} is not valid` },
        { endStream: true },
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, streams, open: () => sessions.size };
}

function targetOf(host: string, port: number, metadata: Readonly<Record<string, string>> = {}): RelayTarget {
  return { endpoints: [{ host, port }], metadata, prefers: 'delta', hds: false };
}

async function relayTo(target: RelayTarget, more: Partial<RelayOptions> = {}): Promise<Relay> {
  const socketPath = join(dir, 'xds.sock');
  const relay = await startRelay({ socketPath, target, clock: systemClock, logger: silentLogger, ...more });
  closers.push(() => relay.close());
  const envoy = new AdsClient({
    target: { socketPath },
    mode: 'delta',
    node: { id: 'default.a' },
    headers: { 'x-kuma-dp-epoch': '0' },
  });
  closers.push(() => envoy.close());
  return relay;
}

const reasonOf = (relay: Relay) => () => JSON.stringify(relay.status.upstream);

describe('the link to a control plane', () => {
  test('a token that is found when the one before is refused begins one stream, not two', async () => {
    const cp = await controlPlane('new');
    let token = 'old';
    const relay = await relayTo(targetOf('127.0.0.1', cp.port), {
      metadata: () => ({ authorization: token }),
      onRefused() {
        token = 'new';
        relay.reconnect('a new token');
      },
    });
    await until(() => cp.streams.includes('new'), reasonOf(relay));
    // Longer than the pause before the next attempt.
    await delay(500);
    expect(cp.streams).toEqual(['old', 'new']);
    await until(() => cp.open() === 1, reasonOf(relay));
  });

  test('a token that the control plane says again is in no line and no status', async () => {
    const cp = await controlPlane('other');
    const said: string[] = [];
    const note = (facts: object, message: string) => void said.push(`${JSON.stringify(facts)} ${message}`);
    const relay = await relayTo(targetOf('127.0.0.1', cp.port), {
      metadata: () => ({ authorization: 'a.secret.token' }),
      onRefused: (reason) => void said.push(reason),
      logger: { ...silentLogger, info: note, warn: note, error: note, debug: note },
    });
    await until(() => cp.streams.length > 1, reasonOf(relay));
    expect(said.join('\n')).toContain('is not valid');
    expect(`${said.join('\n')} ${relay.status.upstream.reason}`).not.toContain('a.secret.token');
  });

  test('a bootstrap with a header that HTTP/2 forbids costs the stream, not the agent', async () => {
    const cp = await controlPlane('');
    const relay = await relayTo(targetOf('127.0.0.1', cp.port, { connection: 'close' }));
    await until(() => relay.status.upstream.reason !== '', reasonOf(relay));
    expect(relay.status.upstream.reason).toMatch(/headers are forbidden: "connection"/);
    relay.retarget(targetOf('127.0.0.1', cp.port));
    await until(() => cp.streams.length > 0, reasonOf(relay));
  });

  test.each(['not a name', 'fe80::1%lo'])(
    'a bootstrap with the address "%s" costs the stream, not the agent',
    async (host) => {
      const relay = await relayTo(targetOf(host, 1));
      await until(() => relay.status.upstream.reason !== '', reasonOf(relay));
      const cp = await controlPlane('');
      relay.retarget(targetOf('127.0.0.1', cp.port));
      await until(() => cp.streams.length > 0, reasonOf(relay));
    },
  );

  test('no token goes over plain HTTP/2 to another host, whatever the bootstrap says', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    closers.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const relay = await relayTo(targetOf('0.0.0.0', port), { metadata: () => ({ authorization: 'token' }) });
    await until(() => relay.status.upstream.reason !== '', reasonOf(relay));
    expect(relay.status.upstream.reason).toMatch(/token is not sent to 0\.0\.0\.0:\d+ over plain HTTP/);
    expect(connections).toBe(0);
  });
});
