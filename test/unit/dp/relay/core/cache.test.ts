import { expect, test } from 'vitest';
import { TypeCache } from '../../../../../src/dp/relay/core/cache.ts';

const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const rest = new Uint8Array(0);

function say(cache: TypeCache, contents: Readonly<Record<string, string>>, removed: readonly string[] = []) {
  const resources = Object.entries(contents).map(([name, text]) => ({
    ...{ name, version: 'v', any: Buffer.from(text), rest },
  }));
  cache.applyDelta(
    { systemVersionInfo: '', resources, typeUrl: CLUSTER, removed: [...removed], nonce: '1', rest },
    true,
  );
  return cache.changed;
}

test('a response that only repeats what is known changes nothing', () => {
  const cache = new TypeCache();
  expect(say(cache, { a: '1', b: '1' })).toBe(true);
  expect(say(cache, { a: '1', b: '1' })).toBe(false);
  expect(say(cache, {}, ['never there'])).toBe(false);
  expect(say(cache, { a: '1', b: '2' })).toBe(true);
  expect(say(cache, {}, ['b'])).toBe(true);
  expect(say(cache, { a: '1' })).toBe(false);
});
