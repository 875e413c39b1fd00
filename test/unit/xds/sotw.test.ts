import { describe, expect, test } from 'vitest';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../src/envoy/type-urls.ts';
import type { ProxySnapshot } from '../../../src/xds/resource.ts';
import { assignment, edsCluster, listener, route, snapshotOf } from '../../support/xds-resources.ts';
import { sotwDialogue } from './dialogue.ts';

const two = [
  edsCluster('a'),
  edsCluster('b'),
  assignment('a'),
  assignment('b'),
  listener('l', { route: 'r' }),
  route('r'),
];

/** A client that has all of `two`, ACKed with nonce 1 of each type. */
function warm(snapshot: ProxySnapshot = snapshotOf(two)) {
  const client = sotwDialogue(snapshot);
  for (const [typeUrl, names] of [
    [CLUSTER, []],
    [ENDPOINT, ['a', 'b']],
    [LISTENER, []],
    [ROUTE, ['r']],
  ] as const) {
    client.ask({ typeUrl, names });
    client.ask({ typeUrl, names, nonce: '1' });
  }
  return client;
}

describe('a fresh Envoy', () => {
  test('gets everything it asks for, and its acknowledgements are not answered', () => {
    const client = sotwDialogue(snapshotOf(two));
    expect(client.ask({ typeUrl: CLUSTER })).toEqual(['CDS: +a +b']);
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b'] })).toEqual(['EDS: +a +b']);
    expect(client.ask({ typeUrl: CLUSTER, nonce: '1' })).toEqual([]);
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b'], nonce: '1' })).toEqual([]);
    expect(client.ask({ typeUrl: LISTENER })).toEqual(['LDS: +l']);
    expect(client.ask({ typeUrl: ROUTE, names: ['r'] })).toEqual(['RDS: +r']);
  });

  test('is answered for every type it names, even when there is nothing', () => {
    const client = sotwDialogue(new Map());
    expect(client.ask({ typeUrl: CLUSTER })).toEqual(['CDS:']);
    expect(client.ask({ typeUrl: LISTENER })).toEqual(['LDS:']);
    expect(client.ask({ typeUrl: ROUTE, names: ['nowhere'] })).toEqual(['RDS:']);
    expect(client.ask({ typeUrl: 'x.Runtime', names: ['gateway.listeners'] })).toEqual(['x.Runtime:']);
    expect(client.responses.every(({ version }) => version !== '')).toBe(true);
  });

  test('that names an assignment which does not exist gets it when it appears', () => {
    const client = sotwDialogue(snapshotOf([]));
    client.ask({ typeUrl: ENDPOINT, names: ['a'] });
    expect(client.update(snapshotOf([assignment('a')]))).toEqual(['EDS: +a']);
  });
});

describe('a change', () => {
  test('of endpoints sends that assignment alone', () => {
    expect(warm().update(snapshotOf([...two, assignment('a', 'new')]))).toEqual(['EDS: +a']);
  });

  test('of a cluster sends all clusters, and the assignment of the changed one at once', () => {
    expect(warm().update(snapshotOf([...two, edsCluster('b', 'new')]))).toEqual(['CDS: +a +b', 'EDS: +b']);
  });

  test('that replaces a cluster keeps the old one until its users are told', () => {
    const moved = [
      edsCluster('b'),
      edsCluster('c'),
      assignment('b'),
      assignment('c'),
      listener('l', { route: 'r' }),
      route('r', 'c'),
    ];
    const client = warm();
    expect(client.update(snapshotOf(moved))).toEqual(['CDS: +a +b +c', 'RDS: +r', 'CDS: +b +c']);
    const versions = client.responses
      .filter(({ typeUrl }) => typeUrl === CLUSTER)
      .map(({ version }) => version);
    expect(new Set(versions).size).toBe(3);
  });

  test('of a listener name is one response', () => {
    const renamed = [...two.filter(({ name }) => name !== 'l'), listener('l2', { route: 'r' })];
    expect(warm().update(snapshotOf(renamed))).toEqual(['LDS: +l2']);
  });
});

describe('requests', () => {
  test('that repeat the last EDS nonce after a cluster change are answered once', () => {
    const client = warm();
    client.update(snapshotOf([...two, edsCluster('b', 'new')]));
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b'], nonce: '2' })).toEqual([]);
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b'], nonce: '2' })).toEqual(['EDS: +a +b']);
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b'], nonce: '3' })).toEqual([]);
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b'], nonce: '3' })).toEqual([]);
  });

  test('that answer an older response acknowledge that one only, but their names count at once', () => {
    const client = warm();
    client.update(snapshotOf([...two, assignment('a', 'new'), assignment('c')]));
    client.update(snapshotOf([...two, assignment('a', 'newer'), assignment('c')]));
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b', 'c'], nonce: '2' })).toEqual(['EDS: +c']);
    expect(client.ask({ typeUrl: ENDPOINT, names: ['b', 'c'], nonce: '1' })).toEqual([]);
    expect(client.update(snapshotOf([...two, assignment('a', 'newest'), assignment('c')]))).toEqual([]);
  });

  test('with a nonce that was never sent change nothing, neither names nor what is acknowledged', () => {
    const client = warm();
    const stray = { typeUrl: ENDPOINT, names: [], nonce: '77', error: undefined };
    expect(client.machine.receive(stray)).toEqual({ kind: 'stale' });
    expect(client.update(snapshotOf([...two, assignment('a', 'newer')]))).toEqual(['EDS: +a']);
  });

  test('that grow the list of names are answered with the new ones', () => {
    const client = sotwDialogue(snapshotOf(two));
    client.ask({ typeUrl: ENDPOINT, names: ['a'] });
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b'], nonce: '1' })).toEqual(['EDS: +b']);
  });

  test('that drop a name and take it up again are answered again', () => {
    const client = warm();
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a'], nonce: '1' })).toEqual([]);
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b'], nonce: '1' })).toEqual(['EDS: +b']);
  });

  test('that refuse a response are reported, and the refused version is not sent again', () => {
    const client = warm();
    const bad = [...two, listener('l', { salt: 'bad' })];
    expect(client.update(snapshotOf(bad))).toEqual(['LDS: +l']);
    expect(client.ask({ typeUrl: LISTENER, nonce: '2', error: 'duplicate address' })).toEqual([]);
    expect(client.machine.rejections()).toEqual(new Map([[LISTENER, 'duplicate address']]));
    expect(client.update(snapshotOf(bad))).toEqual([]);
    expect(client.update(snapshotOf(two))).toEqual(['LDS: +l']);
  });
});

describe('a reconnect', () => {
  test('is answered in full, for the client may have taken parts of a response it refused', () => {
    const client = sotwDialogue(snapshotOf(two));
    expect(client.ask({ typeUrl: CLUSTER, nonce: '7' })).toEqual(['CDS: +a +b']);
    expect(client.ask({ typeUrl: ENDPOINT, names: ['a', 'b'] })).toEqual(['EDS: +a +b']);
    expect(client.ask({ typeUrl: LISTENER })).toEqual(['LDS: +l']);
  });

  test('gives equal content the version it had before, also after a restart of the control plane', () => {
    const versions = (snapshot: ProxySnapshot) => warm(snapshot).responses.map(({ version }) => version);
    expect(versions(snapshotOf([...two].reverse()))).toEqual(versions(snapshotOf(two)));
  });
});
