import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RelayCore } from '../../../../../src/dp/relay/core/relay-core.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../../../src/envoy/type-urls.ts';
import type { XdsResource } from '../../../../../src/xds/resource.ts';
import { createFakeClock } from '../../../../support/fake-clock.ts';
import { ModelControlPlane } from '../../../../support/relay-control-plane.ts';
import { ModelEnvoy } from '../../../../support/relay-envoy.ts';
import { assignment, edsCluster, listener, route } from '../../../../support/xds-resources.ts';

type Mode = 'delta' | 'sotw';

type Event =
  | { kind: 'hold'; services: { name: string; salt: string; endpoints: string; route: string }[] }
  | { kind: 'cp-up' | 'cp-down' | 'take-request' | 'deliver-response' }
  | { kind: 'envoy-new' | 'envoy-child' | 'envoy-kill' | 'envoy-reconnect'; which: number }
  | { kind: 'envoy-request' | 'envoy-response' | 'envoy-block' | 'envoy-unblock'; which: number }
  | { kind: 'wait'; ms: number }
  /** Everybody says and hears this much. */
  | { kind: 'talk'; rounds: number };

const service = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  salt: fc.constantFrom('', 'x', 'y', 'poison'),
  endpoints: fc.constantFrom('1', '2', '3'),
  route: fc.constantFrom('', 'r1', 'r2'),
});
const which = fc.nat(3);
const of = <K extends string>(...kinds: K[]) => fc.record({ kind: fc.constantFrom(...kinds), which });

const anEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('hold' as const),
      services: fc.uniqueArray(service, { selector: (s) => s.name, maxLength: 4 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constantFrom('take-request' as const, 'deliver-response' as const) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('cp-up' as const, 'cp-down' as const) }) },
  { weight: 2, arbitrary: of('envoy-new', 'envoy-child', 'envoy-kill', 'envoy-reconnect') },
  { weight: 12, arbitrary: of('envoy-request', 'envoy-response') },
  { weight: 1, arbitrary: of('envoy-block', 'envoy-unblock') },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('talk' as const), rounds: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 61_000) }) },
);

function resourcesOf(
  services: readonly { name: string; salt: string; endpoints: string; route: string }[],
): XdsResource[] {
  return services.flatMap(({ name, salt, endpoints, route: r }) => [
    edsCluster(name, salt),
    assignment(name, endpoints),
    listener(`l-${name}`, { route: r === '' ? '' : `${r}-${name}`, salt }),
    ...(r === '' ? [] : [route(`${r}-${name}`, endpoints)]),
  ]);
}

class World {
  readonly clock = createFakeClock();
  readonly core = new RelayCore({ clock: this.clock, onEvent: () => {} });
  readonly cp: ModelControlPlane;
  readonly envoys: ModelEnvoy[] = [];
  readonly #downstream: Mode;
  readonly #wholly: boolean;
  #services: Extract<Event, { kind: 'hold' }>['services'] = [];
  #epoch = 0;

  constructor(upstream: Mode, downstream: Mode, wholly: boolean) {
    this.cp = new ModelControlPlane(this.core, upstream);
    this.#downstream = downstream;
    this.#wholly = wholly;
  }

  apply(event: Event): void {
    const envoy = 'which' in event ? this.envoys[event.which % Math.max(1, this.envoys.length)] : undefined;
    switch (event.kind) {
      case 'hold':
        this.#services = event.services;
        this.cp.hold(resourcesOf(event.services));
        break;
      case 'cp-up':
        this.cp.connect();
        break;
      case 'cp-down':
        this.cp.disconnect();
        break;
      case 'take-request':
        this.cp.takeRequest();
        break;
      case 'deliver-response':
        this.cp.deliverResponse();
        break;
      case 'envoy-new':
        // A crash: the next one has the same epoch and knows nothing.
        for (const old of this.envoys.splice(0)) old.disconnect();
        this.start();
        break;
      case 'envoy-child':
        if (this.envoys.length >= 2) this.envoys.shift()?.disconnect();
        this.#epoch++;
        this.start();
        break;
      case 'envoy-kill':
        envoy?.disconnect();
        if (envoy !== undefined) this.envoys.splice(this.envoys.indexOf(envoy), 1);
        break;
      case 'envoy-reconnect':
        envoy?.connect();
        break;
      case 'envoy-request':
        envoy?.deliverRequest();
        break;
      case 'envoy-response':
        envoy?.takeResponse();
        break;
      case 'envoy-block':
        envoy?.setWritable(false);
        break;
      case 'envoy-unblock':
        envoy?.setWritable(true);
        break;
      case 'talk':
        for (let i = 0; i < event.rounds; i++) this.talk();
        break;
      case 'wait':
        this.clock.advance(event.ms);
        break;
    }
  }

  start(): void {
    const how = { epoch: this.#epoch, mode: this.#downstream, wholly: this.#wholly };
    this.envoys.push(new ModelEnvoy(this.core, how));
  }

  /** Everybody is there and talks until nobody has anything left to say. */
  finish(): void {
    if (this.envoys.length === 0) this.start();
    for (const envoy of this.envoys) envoy.setWritable(true);
    if (!this.cp.connected) this.cp.connect();
    for (let rounds = 0; rounds < 2_000; rounds++) if (!this.talk()) return;
    throw new Error('the dialogue does not end');
  }

  /** The control plane has nothing poisoned any more. */
  mend(): void {
    this.cp.hold(
      resourcesOf(this.#services.map((s) => ({ ...s, salt: s.salt === 'poison' ? 'fine' : s.salt }))),
    );
    this.finish();
  }

  /** Everything under way arrives, once; false when there was nothing. */
  talk(): boolean {
    let busy = false;
    for (const envoy of this.envoys) {
      while (envoy.deliverRequest()) busy = true;
      while (envoy.takeResponse()) busy = true;
    }
    while (this.cp.takeRequest()) busy = true;
    while (this.cp.deliverResponse()) busy = true;
    return busy;
  }
}

function expectHeld(envoy: ModelEnvoy, world: World, types: readonly string[]): void {
  for (const typeUrl of types) {
    const truth = world.cp.snapshot.get(typeUrl) ?? new Map<string, XdsResource>();
    const held = envoy.versions(typeUrl);
    const named = envoy.names.get(typeUrl);
    const wanted = [...truth.values()].filter(({ name }) => named === undefined || named.has(name));
    const healthy = wanted.filter(({ any }) => !Buffer.from(any).includes('poison'));
    for (const { name, any } of healthy) {
      expect(held[name], `${typeUrl} ${name}`).toBeDefined();
      expect(Buffer.from(any).includes(Buffer.from(held[name] ?? '', 'latin1')), `${typeUrl} ${name}`).toBe(
        true,
      );
    }
    if (named === undefined)
      for (const name of Object.keys(held)) expect([...truth.keys()], typeUrl).toContain(name);
  }
}

describe('the relay, whatever the order of events', () => {
  const modes: [Mode, Mode, 'in part' | 'wholly'][] = [
    ['delta', 'delta', 'in part'],
    ['sotw', 'delta', 'in part'],
    ['delta', 'sotw', 'in part'],
    ['sotw', 'sotw', 'in part'],
    ['delta', 'delta', 'wholly'],
    ['sotw', 'delta', 'wholly'],
  ];

  test.each(modes)(
    '%s upstream, %s downstream, refused %s: each Envoy ends with what the control plane holds',
    (upstream, downstream, how) => {
      const events = fc.array(anEvent, { maxLength: 120, size: 'max' });
      fc.assert(
        fc.property(events, (list) => {
          const world = new World(upstream, downstream, how === 'wholly');
          for (const event of list) world.apply(event);
          world.finish();
          if (how === 'wholly') world.mend();
          const newest = world.core.decider;
          for (const envoy of world.envoys) {
            const serving = envoy.epoch === newest?.epoch;
            expectHeld(envoy, world, serving ? [CLUSTER, ENDPOINT, LISTENER, ROUTE] : [CLUSTER, ENDPOINT]);
          }
          expect(world.core.unanswered).toBe(0);
        }),
        { numRuns: Number(process.env.RELAY_RUNS ?? 300) },
      );
    },
  );
});
