import { describe, expect, test } from 'vitest';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../../src/envoy/type-urls.ts';
import type { ProxySnapshot } from '../../../src/xds/resource.ts';
import {
  assignment,
  edsCluster,
  listener,
  route,
  secret,
  snapshotOf,
  staticCluster,
} from '../../support/xds-resources.ts';
import { deltaDialogue } from './dialogue.ts';

const two = [
  edsCluster('a'),
  edsCluster('b'),
  assignment('a'),
  assignment('b'),
  listener('l', { route: 'r' }),
  route('r'),
];

/** A client that has all of `two`, ACKed. */
function warm(snapshot: ProxySnapshot = snapshotOf(two)) {
  const client = deltaDialogue(snapshot);
  client.ask({ typeUrl: CLUSTER });
  client.ask({ typeUrl: CLUSTER, nonce: '1' });
  client.ask({ typeUrl: ENDPOINT, subscribe: ['a', 'b'] });
  client.ask({ typeUrl: ENDPOINT, nonce: '1' });
  client.ask({ typeUrl: LISTENER });
  client.ask({ typeUrl: LISTENER, nonce: '1' });
  client.ask({ typeUrl: ROUTE, subscribe: ['r'] });
  client.ask({ typeUrl: ROUTE, nonce: '1' });
  return client;
}

describe('a fresh Envoy', () => {
  test('gets everything it asks for, in the order it asks', () => {
    const client = deltaDialogue(snapshotOf(two));
    expect(client.ask({ typeUrl: CLUSTER })).toEqual(['CDS: +a +b']);
    expect(client.ask({ typeUrl: ENDPOINT, subscribe: ['a', 'b'] })).toEqual(['EDS: +a +b']);
    expect(client.ask({ typeUrl: CLUSTER, nonce: '1' })).toEqual([]);
    expect(client.ask({ typeUrl: LISTENER })).toEqual(['LDS: +l']);
    expect(client.ask({ typeUrl: ROUTE, subscribe: ['r'] })).toEqual(['RDS: +r']);
  });

  test('is answered for clusters and listeners even when there are none, for it waits without a timeout', () => {
    const client = deltaDialogue(snapshotOf([]));
    expect(client.ask({ typeUrl: CLUSTER })).toEqual(['CDS:']);
    expect(client.ask({ typeUrl: LISTENER })).toEqual(['LDS:']);
    expect(client.ask({ typeUrl: CLUSTER, nonce: '1' })).toEqual([]);
  });

  test('is answered for a type the control plane has never heard of', () => {
    const client = deltaDialogue(new Map());
    expect(client.ask({ typeUrl: 'x.Runtime', subscribe: ['gateway.listeners'] })).toEqual([
      'x.Runtime: -gateway.listeners',
    ]);
  });

  test('is told once that a resource does not exist, and gets it when it appears', () => {
    const client = deltaDialogue(snapshotOf([]));
    expect(client.ask({ typeUrl: SECRET, subscribe: ['identity'] })).toEqual(['SDS: -identity']);
    expect(client.ask({ typeUrl: SECRET, nonce: '1' })).toEqual([]);
    expect(client.update(snapshotOf([secret('identity')]))).toEqual(['SDS: +identity']);
  });

  test('that asks for all types before anything is written is answered in the order of sending', () => {
    const client = deltaDialogue(new Map());
    client.machine.receive({
      typeUrl: LISTENER,
      subscribe: [],
      unsubscribe: [],
      initialVersions: new Map(),
      nonce: '',
      error: undefined,
    });
    client.machine.receive({
      typeUrl: ENDPOINT,
      subscribe: ['a'],
      unsubscribe: [],
      initialVersions: new Map(),
      nonce: '',
      error: undefined,
    });
    client.machine.receive({
      typeUrl: CLUSTER,
      subscribe: [],
      unsubscribe: [],
      initialVersions: new Map(),
      nonce: '',
      error: undefined,
    });
    expect(client.update(snapshotOf([edsCluster('a'), assignment('a'), listener('l')]))).toEqual([
      'CDS: +a',
      'EDS: +a',
      'LDS: +l',
    ]);
  });
});

describe('a change', () => {
  test('of endpoints costs one resource', () => {
    expect(warm().update(snapshotOf([...two, assignment('a', 'new')]))).toEqual(['EDS: +a']);
  });

  test('of nothing costs nothing', () => {
    expect(warm().update(snapshotOf(two))).toEqual([]);
  });

  test('of a cluster sends its assignment again at once, though unchanged, or it would stay warming', () => {
    expect(warm().update(snapshotOf([...two, edsCluster('b', 'new')]))).toEqual(['CDS: +b', 'EDS: +b']);
  });

  test('of a cluster that names its assignment otherwise sends that assignment again', () => {
    const named = [edsCluster('a', '', 'service-a'), assignment('service-a')];
    const client = deltaDialogue(snapshotOf(named));
    client.ask({ typeUrl: CLUSTER });
    client.ask({ typeUrl: ENDPOINT, subscribe: ['service-a'] });
    expect(client.update(snapshotOf([...named, edsCluster('a', 'new', 'service-a')]))).toEqual([
      'CDS: +a',
      'EDS: +service-a',
    ]);
  });

  test('of a cluster without endpoints of its own sends no assignment', () => {
    const client = deltaDialogue(snapshotOf([staticCluster('s'), assignment('s')]));
    client.ask({ typeUrl: CLUSTER });
    client.ask({ typeUrl: ENDPOINT, subscribe: ['s'] });
    expect(client.update(snapshotOf([staticCluster('s', 'new'), assignment('s')]))).toEqual(['CDS: +s']);
  });

  test('makes before it breaks: the new cluster first, then who refers to it, then removals', () => {
    const moved = [
      edsCluster('b'),
      edsCluster('c'),
      assignment('b'),
      assignment('c'),
      listener('l', { route: 'r' }),
      route('r', 'c'),
    ];
    expect(warm().update(snapshotOf(moved))).toEqual(['CDS: +c', 'RDS: +r', 'CDS: -a', 'EDS: -a']);
  });

  test('of a listener name takes the old one away in the same response, for both claim one address', () => {
    const renamed = [...two.filter(({ name }) => name !== 'l'), listener('l2', { route: 'r' })];
    expect(warm().update(snapshotOf(renamed))).toEqual(['LDS: +l2 -l']);
  });

  test('is sent while earlier responses wait for their ACK', () => {
    const client = deltaDialogue(snapshotOf(two));
    client.ask({ typeUrl: CLUSTER });
    client.ask({ typeUrl: ENDPOINT, subscribe: ['a', 'b'] });
    expect(client.update(snapshotOf([...two, edsCluster('a', 'new')]))).toEqual(['CDS: +a', 'EDS: +a']);
  });
});

describe('much at once', () => {
  const many = (make: typeof route) =>
    Array.from({ length: 10 }, (_, i) => make(`n${i}`, 'x'.repeat(1_000_000)));

  test('is split over responses of a few megabytes, where the client need not have it whole', () => {
    const resources = many(assignment);
    const client = deltaDialogue(snapshotOf(resources));
    const said = client.ask({ typeUrl: ENDPOINT, subscribe: resources.map(({ name }) => name) });
    expect(said).toEqual(['EDS: +n0 +n1 +n2 +n3', 'EDS: +n4 +n5 +n6 +n7', 'EDS: +n8 +n9']);
  });

  test('of clusters is one response, for Envoy takes the first for all there are', () => {
    expect(deltaDialogue(snapshotOf(many(staticCluster))).ask({ typeUrl: CLUSTER })).toHaveLength(1);
  });
});

describe('a NACK', () => {
  const bad = snapshotOf([...two, listener('l', { salt: 'bad' })]);
  const nack = { typeUrl: LISTENER, nonce: '2', error: 'no such filter' };

  test('is reported with the words of Envoy, and the refused version is not sent again', () => {
    const client = warm();
    expect(client.update(bad)).toEqual(['LDS: +l']);
    expect(client.ask(nack)).toEqual([]);
    expect(client.machine.rejections()).toEqual(new Map([[LISTENER, 'no such filter']]));
    expect(client.update(snapshotOf([...bad.values()].flatMap((map) => [...map.values()])))).toEqual([]);
  });

  test('ends with the next version of the resource, be it the old one', () => {
    const client = warm();
    client.update(bad);
    client.ask(nack);
    expect(client.update(snapshotOf(two))).toEqual(['LDS: +l']);
    client.ask({ typeUrl: LISTENER, nonce: '3' });
    expect(client.machine.rejections()).toEqual(new Map());
  });

  test('with a nonce never sent changes nothing', () => {
    const client = warm();
    expect(
      client.machine.receive({
        typeUrl: LISTENER,
        subscribe: [],
        unsubscribe: [],
        initialVersions: new Map(),
        nonce: '77',
        error: 'x',
      }),
    ).toEqual({ kind: 'stale' });
    expect(client.machine.rejections()).toEqual(new Map());
  });
});

describe('subscriptions', () => {
  test('asking again for a name is answered though the client should have it: it may have dropped it', () => {
    expect(warm().ask({ typeUrl: ENDPOINT, subscribe: ['a'] })).toEqual(['EDS: +a']);
  });

  test('names in an acknowledgement count, whatever its nonce', () => {
    const client = deltaDialogue(snapshotOf(two));
    client.ask({ typeUrl: ENDPOINT, subscribe: ['a'] });
    expect(client.ask({ typeUrl: ENDPOINT, nonce: '1', subscribe: ['b'] })).toEqual(['EDS: +b']);
    expect(client.ask({ typeUrl: ENDPOINT, nonce: '1', subscribe: ['a'] })).toEqual(['EDS: +a']);
  });

  test('an unsubscribed resource is not sent any more, and its removal neither', () => {
    const client = warm();
    client.ask({ typeUrl: ENDPOINT, unsubscribe: ['a'] });
    expect(client.update(snapshotOf([...two, assignment('a', 'new')]))).toEqual([]);
    expect(client.update(snapshotOf(two.filter((r) => r !== two[2])))).toEqual([]);
  });

  test('a name given up under a wildcard is due again', () => {
    const client = deltaDialogue(snapshotOf([edsCluster('a')]));
    client.ask({ typeUrl: CLUSTER, subscribe: ['*', 'a', 'gone'] });
    expect(client.ask({ typeUrl: CLUSTER, unsubscribe: ['a'] })).toEqual(['CDS: +a']);
  });
});

describe('a reconnect', () => {
  const claims = (snapshot: ProxySnapshot, typeUrl: string) =>
    new Map([...(snapshot.get(typeUrl)?.values() ?? [])].map(({ name, version }) => [name, version]));

  test('of a client that has everything is silent', () => {
    const snapshot = snapshotOf(two);
    const client = deltaDialogue(snapshot);
    expect(client.ask({ typeUrl: CLUSTER, initialVersions: claims(snapshot, CLUSTER) })).toEqual([]);
    expect(
      client.ask({ typeUrl: ENDPOINT, subscribe: ['a', 'b'], initialVersions: claims(snapshot, ENDPOINT) }),
    ).toEqual([]);
    expect(client.ask({ typeUrl: LISTENER, initialVersions: claims(snapshot, LISTENER) })).toEqual([]);
    expect(client.machine.settled(snapshot)).toBe(true);
  });

  test('brings what changed, appeared and went away meanwhile', () => {
    const before = snapshotOf(two);
    const client = deltaDialogue(
      snapshotOf([edsCluster('b', 'new'), edsCluster('c'), assignment('b'), assignment('c')]),
    );
    expect(client.ask({ typeUrl: CLUSTER, initialVersions: claims(before, CLUSTER) })).toEqual([
      'CDS: +b +c',
      'CDS: -a',
    ]);
  });

  test('sends the assignment of a changed cluster though the client claims to have it', () => {
    const before = snapshotOf(two);
    const client = deltaDialogue(snapshotOf([...two, edsCluster('a', 'new')]));
    client.ask({ typeUrl: CLUSTER, initialVersions: claims(before, CLUSTER) });
    expect(
      client.ask({ typeUrl: ENDPOINT, subscribe: ['a', 'b'], initialVersions: claims(before, ENDPOINT) }),
    ).toEqual(['EDS: +a']);
  });

  test('of a client that kept nothing is answered even if there is nothing', () => {
    const client = deltaDialogue(snapshotOf([]));
    expect(client.ask({ typeUrl: CLUSTER })).toEqual(['CDS:']);
  });

  test('brings back what was taken back after a refusal, though the client claims to have it', () => {
    const good = snapshotOf(two);
    const bad = snapshotOf([
      edsCluster('a', 'bad'),
      edsCluster('b', 'new'),
      edsCluster('c'),
      ...two.slice(2),
    ]);
    const first = deltaDialogue(good);
    first.ask({ typeUrl: CLUSTER });
    first.ask({ typeUrl: CLUSTER, nonce: '1' });
    first.update(bad);
    first.ask({ typeUrl: CLUSTER, nonce: '2', error: 'no such filter in a' });
    const second = deltaDialogue(good);
    second.machine.distrust(first.machine.doubts());
    expect(second.ask({ typeUrl: CLUSTER, initialVersions: claims(good, CLUSTER) })).toEqual([
      'CDS: +a +b',
      'CDS: -c',
    ]);
  });

  test('leaves what a lost acknowledgement was for in doubt, and an acknowledgement ends that', () => {
    const client = deltaDialogue(snapshotOf(two));
    client.ask({ typeUrl: CLUSTER });
    expect(client.machine.doubts()).toEqual(new Map([[CLUSTER, new Set(['a', 'b'])]]));
    client.ask({ typeUrl: CLUSTER, nonce: '1' });
    expect(client.machine.doubts()).toEqual(new Map());
  });

  test('hands on doubts of a type that it did not ask for', () => {
    const client = deltaDialogue(snapshotOf(two));
    client.machine.distrust(new Map([[LISTENER, new Set(['l'])]]));
    expect(client.machine.doubts()).toEqual(new Map([[LISTENER, new Set(['l'])]]));
    expect(client.ask({ typeUrl: LISTENER, initialVersions: claims(snapshotOf(two), LISTENER) })).toEqual([
      'LDS: +l',
    ]);
  });
});
