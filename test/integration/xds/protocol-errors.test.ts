import { afterEach, expect, test } from 'vitest';
import { CLUSTER } from '../../../src/envoy/type-urls.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { openAdsChannel } from '../../support/ads-channel.ts';
import { startAdsServer } from '../../support/ads-server.ts';
import { encodeDeltaRequest } from '../../support/ads-wire.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function streamWithLog() {
  const warnings: { readonly facts: object; readonly message: string }[] = [];
  const warn = (facts: object, message: string) => void warnings.push({ facts, message });
  const server = await startAdsServer({ logger: { ...silentLogger, warn } });
  cleanups.push(() => server.stop());
  const channel = openAdsChannel({ target: server.target, mode: 'delta', onMessage: () => {} });
  cleanups.push(() => channel.destroy());
  return { channel, warnings };
}

test('a proxy that breaks the protocol is named in the log once, with what it did', async () => {
  const { channel, warnings } = await streamWithLog();
  channel.send(encodeDeltaRequest({ node: { id: 'm.a' }, typeUrl: CLUSTER }));
  channel.send(encodeDeltaRequest({ node: { id: 'm.b' }, typeUrl: CLUSTER }));
  channel.send(Buffer.from([0x0a, 0xff, 0xff, 0x01, 0x02]));
  await channel.ended;
  const reason = 'node id changed from "m.a" to "m.b" in mid-stream';
  const peer = expect.stringContaining('127.0.0.1');
  expect(warnings).toMatchObject([
    {
      facts: { node: 'm.a', peer, code: 'INVALID_ARGUMENT', reason },
      message: expect.stringContaining(reason),
    },
  ]);
});

test('one that never said who it is is told by its address', async () => {
  const { channel, warnings } = await streamWithLog();
  channel.send(Buffer.from([0x0a, 0xff, 0xff, 0x01, 0x02]));
  await channel.ended;
  const peer = expect.stringContaining('127.0.0.1');
  expect(warnings).toMatchObject([
    { facts: { node: '', peer, reason: expect.stringContaining('malformed') } },
  ]);
});
