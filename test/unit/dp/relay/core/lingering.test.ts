import { expect, test } from 'vitest';
import { Lingering } from '../../../../../src/dp/relay/core/lingering.ts';
import type { Peer } from '../../../../../src/dp/relay/core/peer.ts';
import { Union } from '../../../../../src/dp/relay/core/union.ts';
import { createFakeClock } from '../../../../support/fake-clock.ts';

const ENDPOINT = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

function peer(union: Union, names: readonly string[], wildcard = false): Peer {
  for (const name of [...names, ...(wildcard ? ['*'] : [])]) union.add(ENDPOINT, name);
  return {
    types: new Map([[ENDPOINT, { typeUrl: ENDPOINT, names: new Set(names), wildcard }]]),
  } as unknown as Peer;
}

function wanted(union: Union): readonly string[] {
  union.changes();
  return [...(union.wanted.get(ENDPOINT) ?? [])].sort();
}

test('what an Envoy asked for is kept while none serves, and given up once another does', () => {
  const clock = createFakeClock();
  const union = new Union();
  let served = false;
  let released = 0;
  new Lingering(union, clock, 60_000).keep(
    peer(union, ['a'], true),
    () => served,
    () => released++,
  );
  clock.advance(300_000);
  expect(wanted(union)).toEqual(['*', 'a']);
  served = true;
  clock.advance(60_000);
  expect([wanted(union), released]).toEqual([[], 1]);
});

test('Envoys that come and die without ever serving do not pile up', () => {
  const clock = createFakeClock();
  const union = new Union();
  let served = false;
  const lingering = new Lingering(union, clock, 60_000);
  const isServed = () => served;
  lingering.keep(peer(union, ['only the first']), isServed, () => {});
  for (let i = 0; i < 1_000; i++) {
    lingering.keep(peer(union, ['a', 'b'], true), isServed, () => {});
    clock.advance(1_000);
  }
  expect(clock.pending).toBe(2);
  expect(wanted(union)).toEqual(['*', 'a', 'b', 'only the first']);
  served = true;
  clock.advance(60_000);
  expect(wanted(union)).toEqual([]);
  expect(clock.pending).toBe(0);
});
