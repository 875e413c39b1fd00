import { beforeEach, describe, expect, test } from 'vitest';
import { RelayCore } from '../../../../../src/dp/relay/core/relay-core.ts';
import type { RelayEvent } from '../../../../../src/dp/relay/core/relay-event.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../../../src/envoy/type-urls.ts';
import { createFakeClock, type FakeClock } from '../../../../support/fake-clock.ts';
import { ModelControlPlane } from '../../../../support/relay-control-plane.ts';
import { ModelEnvoy } from '../../../../support/relay-envoy.ts';
import { assignment, edsCluster, listener, route, staticCluster } from '../../../../support/xds-resources.ts';

let clock: FakeClock;
let core: RelayCore;
let cp: ModelControlPlane;
let events: RelayEvent[];

beforeEach(() => {
  clock = createFakeClock();
  events = [];
  core = new RelayCore({ clock, onEvent: (event) => void events.push(event) });
  cp = new ModelControlPlane(core, 'delta');
});

const service = (name: string, salt = '1') => [
  edsCluster(name, salt),
  assignment(name, salt),
  listener(`l-${name}`, { salt }),
];

/** Until nobody has anything left to say. */
function talk(...envoys: readonly ModelEnvoy[]): void {
  for (let busy = true; busy; ) {
    busy = false;
    for (const envoy of envoys) {
      while (envoy.deliverRequest()) busy = true;
      while (envoy.takeResponse()) busy = true;
    }
    while (cp.takeRequest()) busy = true;
    while (cp.deliverResponse()) busy = true;
  }
}

/** Requests to and responses of the control plane only. */
function talkUpstream(): void {
  while (cp.takeRequest() || cp.deliverResponse());
}

function serving(names: readonly string[] = ['a'], epoch = 0): ModelEnvoy {
  cp.hold(names.flatMap((name) => service(name)));
  if (!cp.connected) cp.connect();
  const envoy = new ModelEnvoy(core, { epoch });
  talk(envoy);
  expect(envoy.live).toBe(true);
  cp.log.length = 0;
  envoy.log.length = 0;
  return envoy;
}

const names = (envoy: ModelEnvoy, typeUrl: string) => Object.keys(envoy.versions(typeUrl)).sort();

describe('one Envoy and the control plane', () => {
  test('a response is acknowledged upward when Envoy has acknowledged it, not before', () => {
    const envoy = serving();
    cp.hold([...service('a'), staticCluster('b')]);
    talkUpstream();
    expect(cp.log).toEqual([]);
    expect(core.unanswered).toBe(1);
    talk(envoy);
    expect(cp.log).toEqual(['ack Cluster']);
  });

  test('a change whose acknowledgement is awaited does not hold up other types', () => {
    const envoy = serving();
    cp.hold([edsCluster('a', '2'), assignment('a', '2'), listener('l-a', { salt: '2' })]);
    talkUpstream();
    while (envoy.inbox.length > 0) envoy.takeResponse();
    expect([...new Set(envoy.log)]).toEqual(['Cluster 1 -0', 'ClusterLoadAssignment 1 -0', 'Listener 1 -0']);
  });

  test('the assignment follows a changed cluster though it has not changed', () => {
    const envoy = serving();
    cp.hold([edsCluster('a', '2'), assignment('a'), listener('l-a', { salt: '1' })]);
    talk(envoy);
    expect(envoy.log.slice(0, 2)).toEqual(['Cluster 1 -0', 'ClusterLoadAssignment 1 -0']);
    expect(envoy.warming.size).toBe(0);
  });

  test('what changes nothing for anyone is acknowledged at once', () => {
    const envoy = serving();
    cp.disconnect();
    cp.mode = 'sotw';
    cp.connect();
    talkUpstream();
    expect(envoy.inbox).toEqual([]);
    expect(core.unanswered).toBe(0);
    expect(cp.log.filter((line) => line.startsWith('ack')).length).toBeGreaterThan(0);
  });

  test('absent endpoints in a partial answer are kept; absent clusters and listeners are removed', () => {
    cp.mode = 'sotw';
    const envoy = serving(['a', 'b']);
    cp.hold([...service('a', '2'), ...service('b').filter(({ typeUrl }) => typeUrl === ENDPOINT)]);
    talk(envoy);
    expect(names(envoy, CLUSTER)).toEqual(['a']);
    expect(names(envoy, LISTENER)).toEqual(['l-a']);
    expect(names(envoy, ENDPOINT)).toEqual(['a']);
  });

  test('an Envoy that does not read gets one response with the newest state when it reads again', () => {
    const envoy = serving();
    envoy.setWritable(false);
    for (const salt of ['2', '3', '4']) {
      cp.hold(service('a', salt));
      talkUpstream();
    }
    expect(envoy.inbox).toEqual([]);
    envoy.setWritable(true);
    talk(envoy);
    expect(envoy.log.filter((line) => line.startsWith('Listener'))).toEqual(['Listener 1 -0']);
    expect(envoy.versions(LISTENER)['l-a']?.endsWith('4')).toBe(true);
    expect(core.unanswered).toBe(0);
  });
});

describe('refusals', () => {
  test('go up with the words of Envoy; the refused resource is not accepted, the others of the response are', () => {
    const envoy = serving(['a', 'b']);
    cp.hold([...service('a', 'poison'), ...service('b', '2')]);
    talk(envoy);
    expect(cp.log).toContain('nack Listener Error adding/updating l-a: poisoned');
    const listeners = core.accepted()?.types.find(({ typeUrl }) => typeUrl === LISTENER)?.resources ?? [];
    const text = (name: string) =>
      Buffer.from(listeners.find((r) => r.name === name)?.any ?? '').toString('latin1');
    expect(text('l-a').endsWith('1')).toBe(true);
    expect(text('l-b').endsWith('2')).toBe(true);
    expect(events.filter(({ event }) => event === 'refused').length).toBeGreaterThan(0);
  });

  test.each(['delta', 'sotw'] as const)(
    'of which Envoy tells a part only (%s) are of all that it may be about, until it takes them',
    (mode) => {
      const all = Array.from({ length: 20 }, (_, i) => `a${i}`);
      cp.hold(all.flatMap((name) => service(name)));
      cp.connect();
      const envoy = new ModelEnvoy(core, { epoch: 0, mode, room: 70 });
      talk(envoy);
      cp.hold([...all.flatMap((name) => service(name, 'poison')), ...service('b')]);
      talk(envoy);
      const accepted = core.accepted()?.types.find(({ typeUrl }) => typeUrl === LISTENER)?.resources ?? [];
      const text = accepted.map(({ any }) => Buffer.from(any ?? '').toString('latin1')).join(' ');
      expect(text).not.toContain('poison');
      expect(accepted.map(({ name }) => name)).toEqual(
        expect.arrayContaining(all.map((name) => `l-${name}`)),
      );
      expect(core.unanswered).toBe(0);
      cp.hold([...all.flatMap((name) => service(name, 'mended')), ...service('b')]);
      talk(envoy);
      const then = core.accepted()?.types.find(({ typeUrl }) => typeUrl === LISTENER)?.resources;
      expect(then?.length).toBe(21);
    },
  );

  test('a new Envoy starts with what the last one served with, then is offered the newest', () => {
    const first = serving(['a']);
    cp.hold(service('a', 'poison'));
    talk(first);
    first.disconnect();
    const second = new ModelEnvoy(core, { epoch: 0 });
    talk(second);
    expect(second.live).toBe(true);
    expect(second.versions(LISTENER)['l-a']?.endsWith('1')).toBe(true);
    expect(second.log.filter((line) => line.startsWith('Listener'))).toEqual([
      'Listener 1 -0',
      'Listener 1 -0',
    ]);
  });

  test('while an older generation is pinned, what differs is refused with the reason and reaches no Envoy', () => {
    const envoy = serving(['a']);
    const good = core.accepted();
    if (good === undefined) throw new Error('nothing accepted');
    cp.hold(service('a', '2'));
    talk(envoy);
    core.pin(good, 'Envoy crashed twice with it');
    talk(envoy);
    expect(envoy.versions(LISTENER)['l-a']?.endsWith('1')).toBe(true);
    cp.log.length = 0;
    cp.hold(service('a', '3'));
    talk(envoy);
    expect(cp.log).toContain('nack Listener Envoy crashed twice with it');
    expect(envoy.versions(LISTENER)['l-a']?.endsWith('1')).toBe(true);
    core.unpin();
    talk(envoy);
    expect(envoy.versions(LISTENER)['l-a']?.endsWith('3')).toBe(true);
  });

  test('what the pinned generation needs and the one after it did not is nothing new when it comes again', () => {
    const withRoute = (name: string) => [
      ...service('a', name),
      listener('web', { route: name }),
      route(name),
    ];
    cp.hold(withRoute('r1'));
    cp.connect();
    const first = new ModelEnvoy(core, { epoch: 0 });
    talk(first);
    const good = core.accepted();
    if (good === undefined) throw new Error('nothing accepted');
    cp.hold([...withRoute('r2'), route('r1')]);
    talk(first);
    expect(names(first, ROUTE)).toEqual(['r2']);
    first.disconnect();
    core.pin(good, 'Envoy crashed twice with it');
    events.length = 0;
    const second = new ModelEnvoy(core, { epoch: 0 });
    talk(second);
    expect(names(second, ROUTE)).toEqual(['r1']);
    expect(events).toContainEqual({ event: 'received', typeUrl: ROUTE, changed: false });
    expect(events.filter((event) => event.event === 'received' && event.changed)).toEqual([]);
  });
});

describe('two Envoys at once', () => {
  test('until the child serves the parent decides; afterwards the child does, and the parent gets no listeners', () => {
    const parent = serving(['a']);
    const child = new ModelEnvoy(core, { epoch: 1 });
    expect(core.decider?.epoch).toBe(0);
    talk(parent, child);
    expect(core.decider?.epoch).toBe(1);
    parent.log.length = 0;
    cp.hold(service('a', '2'));
    talk(parent, child);
    expect([...new Set(parent.log)]).toEqual(['Cluster 1 -0', 'ClusterLoadAssignment 1 -0']);
    expect(child.versions(LISTENER)['l-a']?.endsWith('2')).toBe(true);
  });

  test("the parent's refusal does not count once the child serves", () => {
    const parent = serving(['a']);
    const child = new ModelEnvoy(core, { epoch: 1, poison: 'nothing' });
    talk(parent, child);
    cp.log.length = 0;
    cp.hold(service('a', 'poison'));
    talk(parent, child);
    expect(cp.log.filter((line) => line.startsWith('nack'))).toEqual([]);
    expect(core.unanswered).toBe(0);
  });

  test('a child gets its listeners only after its clusters are acknowledged and their endpoints sent', () => {
    const parent = serving(['a']);
    const child = new ModelEnvoy(core, { epoch: 1 });
    // Its answer to the clusters is on the way for long, its other requests are not.
    while (child.deliverRequest());
    child.takeResponse();
    const acknowledgement = child.outbox.shift();
    while (child.deliverRequest() || child.takeResponse());
    expect(child.log.some((line) => line.startsWith('Listener'))).toBe(false);
    if (acknowledgement !== undefined) child.outbox.unshift(acknowledgement);
    talk(parent, child);
    expect(child.live).toBe(true);
    expect(child.log.findIndex((l) => l.startsWith('Listener'))).toBeGreaterThan(
      child.log.findIndex((l) => l.startsWith('ClusterLoadAssignment')),
    );
  });

  test('a child that is held gets no listeners until it is admitted', () => {
    const parent = serving(['a']);
    core.hold(1);
    const child = new ModelEnvoy(core, { epoch: 1 });
    talk(parent, child);
    expect(child.live).toBe(false);
    expect(core.decider?.epoch).toBe(0);
    core.admit(1);
    talk(parent, child);
    expect(child.live).toBe(true);
  });

  test('names only the dead Envoy asked for stay subscribed for a minute, then are given up', () => {
    const parent = serving(['a', 'b']);
    const child = new ModelEnvoy(core, { epoch: 1 });
    talk(parent, child);
    cp.hold(service('a'));
    while (child.deliverRequest() || child.takeResponse() || cp.takeRequest() || cp.deliverResponse());
    parent.disconnect();
    cp.log.length = 0;
    clock.advance(59_000);
    expect(cp.requests).toEqual([]);
    clock.advance(2_000);
    expect(cp.requests.map(({ request }) => ('unsubscribe' in request ? request.unsubscribe : []))).toEqual([
      ['b'],
    ]);
  });

  test('without any Envoy the configuration is kept and followed for the next one', () => {
    serving(['a']).disconnect();
    clock.advance(3_600_000);
    cp.hold(service('a', '2'));
    talkUpstream();
    const next = new ModelEnvoy(core, { epoch: 0 });
    talk(next);
    expect(next.versions(LISTENER)['l-a']?.endsWith('2')).toBe(true);
  });
});

describe('lost streams', () => {
  test('a new stream claims only what was accepted, so that the rest is sent again', () => {
    const envoy = serving(['a', 'b']);
    cp.hold([...service('a', '2'), ...service('b')]);
    talkUpstream();
    // Envoy has not reacted when the stream breaks.
    cp.disconnect();
    cp.connect();
    const claims = cp.requests.map(({ request }) =>
      'initialVersions' in request ? [...request.initialVersions] : [],
    );
    expect(claims[0]).toEqual([
      ['a', 'unaccepted'],
      ['b', expect.stringMatching(/^[0-9a-f]{16}$/)],
    ]);
    talk(envoy);
    expect(core.unanswered).toBe(0);
    expect(cp.settled).toBe(true);
  });

  test('a removal that happened meanwhile is noticed', () => {
    const envoy = serving(['a', 'b']);
    cp.disconnect();
    cp.hold(service('a'));
    cp.connect();
    talk(envoy);
    expect(names(envoy, CLUSTER)).toEqual(['a']);
    expect(names(envoy, LISTENER)).toEqual(['l-a']);
  });

  test('an Envoy whose acknowledgements were lost with its stream goes on where it was', () => {
    const envoy = serving(['a']);
    cp.hold(service('a', '2'));
    talkUpstream();
    while (envoy.takeResponse());
    envoy.outbox.length = 0;
    envoy.connect();
    talk(envoy);
    expect(core.unanswered).toBe(0);
    expect(cp.settled).toBe(true);
    expect(envoy.versions(LISTENER)['l-a']?.endsWith('2')).toBe(true);
  });

  test('a new Envoy is warm without the control plane', () => {
    serving(['a', 'b']).disconnect();
    cp.disconnect();
    const next = new ModelEnvoy(core, { epoch: 0 });
    talk(next);
    expect(next.live).toBe(true);
    expect(names(next, ENDPOINT)).toEqual(['a', 'b']);
  });

  test('restored state serves an Envoy, is claimed, and gives way to what the control plane says', () => {
    serving(['a', 'b']).disconnect();
    const snapshot = core.accepted();
    if (snapshot === undefined) throw new Error('nothing accepted');
    core = new RelayCore({ clock, onEvent: () => {} });
    cp = new ModelControlPlane(core, 'delta');
    core.restore(snapshot);
    const envoy = new ModelEnvoy(core, { epoch: 0 });
    talk(envoy);
    expect(envoy.live).toBe(true);
    cp.hold(service('b'));
    cp.connect();
    talk(envoy);
    expect(names(envoy, LISTENER)).toEqual(['l-b']);
    expect(envoy.log.filter((line) => line === 'Listener 2 -0')).toHaveLength(1);
  });
});
