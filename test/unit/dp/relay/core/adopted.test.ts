import { beforeEach, describe, expect, test } from 'vitest';
import { RelayCore } from '../../../../../src/dp/relay/core/relay-core.ts';
import type { RelayEvent } from '../../../../../src/dp/relay/core/relay-event.ts';
import type { RelaySnapshot } from '../../../../../src/dp/relay/core/snapshot.ts';
import { CLUSTER, LISTENER } from '../../../../../src/envoy/type-urls.ts';
import { createFakeClock } from '../../../../support/fake-clock.ts';
import { ModelControlPlane } from '../../../../support/relay-control-plane.ts';
import { ModelEnvoy } from '../../../../support/relay-envoy.ts';
import { assignment, edsCluster, listener } from '../../../../support/xds-resources.ts';

const service = (name: string, salt = '1') => [
  edsCluster(name, salt),
  assignment(name, salt),
  listener(`l-${name}`, { salt }),
];

let envoy: ModelEnvoy;
/** What the agent before saved of it. */
let saved: RelaySnapshot;
/** Of the new agent. */
let core: RelayCore;
let cp: ModelControlPlane;
let events: RelayEvent[];

beforeEach(() => {
  const old = new RelayCore({ clock: createFakeClock(), onEvent: () => {} });
  const before = new ModelControlPlane(old, 'delta');
  before.hold([...service('a'), ...service('b')]);
  before.connect();
  envoy = new ModelEnvoy(old, { epoch: 0 });
  talk(before);
  saved = old.accepted() ?? fail();
  events = [];
  core = new RelayCore({ clock: createFakeClock(), onEvent: (event) => void events.push(event) });
  cp = new ModelControlPlane(core, 'delta');
  cp.hold([...service('a'), ...service('b')]);
  envoy.log.length = 0;
  envoy.connect(core);
});

function fail(): never {
  throw new Error('nothing was accepted');
}

function talk(controlPlane = cp, envoys: readonly ModelEnvoy[] = [envoy]): void {
  for (let busy = true; busy; ) {
    busy = false;
    for (const one of envoys) {
      while (one.deliverRequest()) busy = true;
      while (one.takeResponse()) busy = true;
    }
    while (controlPlane.takeRequest()) busy = true;
    while (controlPlane.deliverResponse()) busy = true;
  }
}

const listeners = (of: ModelEnvoy = envoy) => Object.keys(of.versions(LISTENER)).sort();
/** Resources sent and removed of clusters and listeners; endpoints follow a new stream in any case. */
const sent = () => envoy.log.filter((line) => /^(Cluster|Listener) /.test(line) && !line.endsWith(' 0 -0'));

describe('an Envoy that an agent before this one configured', () => {
  test('is told nothing before the control plane has spoken', () => {
    talk();
    expect(envoy.live).toBe(true);
    expect(envoy.log).toEqual([]);
    expect(listeners()).toEqual(['l-a', 'l-b']);
  });

  test('gets nothing again that it has', () => {
    cp.connect();
    talk();
    expect(sent()).toEqual([]);
    expect(cp.settled).toBe(true);
  });

  test('gets what changed, and loses what is gone', () => {
    cp.hold([...service('b', '2'), ...service('c')]);
    cp.connect();
    talk();
    expect(listeners()).toEqual(['l-b', 'l-c']);
    expect(Object.keys(envoy.versions(CLUSTER)).sort()).toEqual(['b', 'c']);
    expect(cp.settled).toBe(true);
  });

  test('does not count as knowing what is good before each of its contents was seen', () => {
    talk();
    expect(core.accepted()).toBeUndefined();
    cp.connect();
    talk();
    const names = core.accepted()?.types.find(({ typeUrl }) => typeUrl === LISTENER)?.resources;
    expect(names?.map(({ name }) => name).sort()).toEqual(['l-a', 'l-b']);
    expect(events.some(({ event }) => event === 'accepted')).toBe(true);
  });

  test('keeps what it has beside an older configuration that is held in reserve', () => {
    const older: RelaySnapshot = {
      ...saved,
      types: saved.types.map((type) => ({
        ...type,
        resources: type.resources.filter(({ name }) => !name.endsWith('b')),
      })),
    };
    core.reserve(older);
    talk();
    expect(envoy.log).toEqual([]);
    expect(listeners()).toEqual(['l-a', 'l-b']);
  });

  test('is followed by one that starts from the reserve while the control plane is away', () => {
    core.reserve(saved);
    talk();
    envoy.disconnect();
    const next = new ModelEnvoy(core, { epoch: 1 });
    talk(cp, [next]);
    expect(next.live).toBe(true);
    expect(listeners(next)).toEqual(['l-a', 'l-b']);
    cp.hold(service('b'));
    cp.connect();
    talk(cp, [next]);
    expect(listeners(next)).toEqual(['l-b']);
  });
});
