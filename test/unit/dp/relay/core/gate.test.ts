import { create, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, test } from 'vitest';
import type { GatedListener, GateRelay, ListenerGate } from '../../../../../src/dp/relay/core/gate.ts';
import { RelayCore } from '../../../../../src/dp/relay/core/relay-core.ts';
import { LISTENER } from '../../../../../src/envoy/type-urls.ts';
import { ListenerSchema } from '../../../../../src/proto/gen/envoy/config/listener/v3/listener_pb.js';
import { makeXdsResource, type XdsResource } from '../../../../../src/xds/resource.ts';
import { createFakeClock } from '../../../../support/fake-clock.ts';
import { ModelControlPlane } from '../../../../support/relay-control-plane.ts';
import { ModelEnvoy } from '../../../../support/relay-envoy.ts';
import { staticCluster } from '../../../../support/xds-resources.ts';

/** Ports by hand. */
class HandGate implements ListenerGate {
  readonly taken = new Set<number>();
  deciding = false;
  verified = 0;
  relay: GateRelay | undefined;

  get holding(): boolean {
    return this.taken.size > 0;
  }

  connect(relay: GateRelay): void {
    this.relay = relay;
  }

  announce(): void {}

  verify(): void {
    this.verified++;
  }

  obstacle({ name, bindings }: GatedListener): string | undefined {
    const port = bindings.map((one) => one.port).find((one) => this.taken.has(one));
    return port === undefined ? undefined : `${name}: port ${port} is taken`;
  }

  change(change: () => void): void {
    change();
    this.relay?.changed();
  }
}

function on(port: number, name = `l-${port}`): XdsResource {
  const socket = { address: '127.0.0.1', portSpecifier: { case: 'portValue' as const, value: port } };
  const message = create(ListenerSchema, {
    name,
    address: { address: { case: 'socketAddress', value: socket } },
  });
  return makeXdsResource(LISTENER, name, toBinary(ListenerSchema, message));
}

const MODES = ['delta', 'sotw'] as const;

describe.each(MODES.flatMap((upstream) => MODES.map((envoyMode) => [upstream, envoyMode] as const)))(
  'a control plane that speaks %s, Envoys that speak %s',
  (upstream, mode) => {
    let gate: HandGate;
    let core: RelayCore;
    let cp: ModelControlPlane;

    beforeEach(() => {
      gate = new HandGate();
      core = new RelayCore({ clock: createFakeClock(), onEvent: () => {}, gate });
      cp = new ModelControlPlane(core, upstream);
    });

    function talk(...envoys: readonly ModelEnvoy[]): void {
      for (let busy = true; busy; ) {
        busy = false;
        for (const envoy of envoys) while (envoy.deliverRequest() || envoy.takeResponse()) busy = true;
        while (cp.takeRequest() || cp.deliverResponse()) busy = true;
      }
    }

    function begin(...resources: readonly XdsResource[]): ModelEnvoy {
      cp.hold([staticCluster('c'), ...resources]);
      cp.connect();
      const envoy = new ModelEnvoy(core, { epoch: 0, mode });
      talk(envoy);
      return envoy;
    }

    const listeners = (envoy: ModelEnvoy) => [...(envoy.held.get(LISTENER)?.keys() ?? [])].sort();
    const answers = () => cp.log.filter((line) => /^n?ack Listener/.test(line));

    test('until it is decided no listener goes, and nothing is said about them', () => {
      gate.deciding = true;
      const envoy = begin(on(1), on(2));
      expect(envoy.live).toBe(false);
      expect(answers()).toEqual([]);
      gate.change(() => {
        gate.deciding = false;
      });
      talk(envoy);
      expect(listeners(envoy)).toEqual(['l-1', 'l-2']);
      expect(answers()).toEqual(['ack Listener']);
    });

    test('one whose port is taken is refused by name, the others go; once it is free it follows, and is accepted', () => {
      gate.taken.add(2);
      const envoy = begin(on(1), on(2), on(3));
      expect(listeners(envoy)).toEqual(['l-1', 'l-3']);
      expect(answers()).toEqual(['nack Listener l-2: port 2 is taken']);
      expect([...cp.rejections]).toHaveLength(1);
      expect(core.accepted()?.types.find(({ typeUrl }) => typeUrl === LISTENER)?.resources).toHaveLength(2);
      gate.change(() => gate.taken.clear());
      talk(envoy);
      expect(listeners(envoy)).toEqual(['l-1', 'l-2', 'l-3']);
      expect(answers().slice(1)).toEqual(['ack Listener']);
      expect([...cp.rejections]).toEqual([]);
    });

    test('one that moves to a taken port stays where it is, and can go away', () => {
      const envoy = begin(on(1, 'moving'), on(5));
      const before = envoy.versions(LISTENER).moving;
      gate.taken.add(2);
      cp.hold([staticCluster('c'), on(2, 'moving'), on(5)]);
      talk(envoy);
      expect(envoy.versions(LISTENER).moving).toBe(before);
      expect(answers().at(-1)).toBe('nack Listener moving: port 2 is taken');
      cp.hold([staticCluster('c'), on(5)]);
      talk(envoy);
      expect(listeners(envoy)).toEqual(['l-5']);
      expect(answers().at(-1)).toBe('ack Listener');
    });

    test('an Envoy that takes over gets the same; one that starts alone has the ports looked at first', () => {
      gate.taken.add(2);
      const first = begin(on(1), on(2));
      expect(gate.verified).toBe(1);
      const second = new ModelEnvoy(core, { epoch: 1, mode });
      talk(first, second);
      expect(second.live).toBe(true);
      expect(listeners(second)).toEqual(['l-1']);
      expect(gate.verified).toBe(1);
      first.disconnect();
      second.disconnect();
      const third = new ModelEnvoy(core, { epoch: 2, mode });
      expect(gate.verified).toBe(2);
      gate.change(() => gate.taken.clear());
      talk(third);
      expect(listeners(third)).toEqual(['l-1', 'l-2']);
    });

    test('a refusal of Envoy itself is not taken back by a port that becomes free', () => {
      gate.taken.add(2);
      const envoy = begin(on(2), on(1, 'poison'));
      gate.change(() => gate.taken.clear());
      talk(envoy);
      expect(listeners(envoy)).toEqual(['l-2']);
      expect(answers().filter((line) => line.startsWith('ack'))).toEqual([]);
      expect([...cp.rejections]).toHaveLength(1);
    });
  },
);
