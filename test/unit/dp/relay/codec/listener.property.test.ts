import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bindingsOf } from '../../../../../src/dp/relay/codec/listener.ts';
import { WireError } from '../../../../../src/dp/relay/codec/wire.ts';
import { ListenerSchema } from '../../../../../src/proto/gen/envoy/config/listener/v3/listener_pb.js';

const RUNS = { numRuns: 500 };
const bool = fc.boolean();
const maybeBool = fc.option(bool, { nil: undefined });
const socket = fc.record({
  protocol: fc.constantFrom(0, 1),
  address: fc.oneof(fc.ipV4(), fc.ipV6()),
  portSpecifier: fc.oneof(
    fc.record({ case: fc.constant('portValue' as const), value: fc.nat(65_535) }),
    fc.record({ case: fc.constant('namedPort' as const), value: fc.constant('http') }),
  ),
  ipv4Compat: bool,
});
const address = fc.oneof(
  { weight: 5, arbitrary: fc.record({ case: fc.constant('socketAddress' as const), value: socket }) },
  {
    weight: 1,
    arbitrary: fc.record({ case: fc.constant('pipe' as const), value: fc.record({ path: fc.string() }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      case: fc.constant('envoyInternalAddress' as const),
      value: fc.record({
        addressNameSpecifier: fc.record({
          case: fc.constant('serverListenerName' as const),
          value: fc.string(),
        }),
      }),
    }),
  },
);
const listener = fc.record(
  {
    name: fc.string(),
    address: fc.record({ address }),
    additionalAddresses: fc.array(fc.record({ address: fc.record({ address }) }), { maxLength: 3 }),
    bindToPort: maybeBool,
    enableReusePort: maybeBool,
    statPrefix: fc.string(),
    tcpBacklogSize: fc.option(fc.nat(9), { nil: undefined }),
    transparent: maybeBool,
    deprecatedV1: fc.record({ bindToPort: maybeBool }),
    filterChains: fc.array(fc.record({ name: fc.string() }), { maxLength: 2 }),
  },
  { requiredKeys: ['name'] },
);

type Init = Parameters<typeof create<typeof ListenerSchema>>[1];

function wrap(message: Uint8Array): Uint8Array {
  const typeUrl = 'type.googleapis.com/envoy.config.listener.v3.Listener';
  return toBinary(AnySchema, create(AnySchema, { typeUrl, value: message }));
}

/** The same from the generated type. */
function expected(init: Init) {
  const message = create(ListenerSchema, init);
  if (message.bindToPort === false || message.deprecatedV1?.bindToPort === false) return [];
  return [message.address, ...message.additionalAddresses.map((more) => more.address)].flatMap((one) => {
    if (one?.address.case !== 'socketAddress') return [];
    const { protocol, address, portSpecifier, ipv4Compat } = one.address.value;
    if (portSpecifier.case !== 'portValue' || portSpecifier.value === 0) return [];
    return [
      {
        protocol: protocol === 1 ? 'udp' : 'tcp',
        address,
        port: portSpecifier.value,
        dual: ipv4Compat,
      },
    ];
  });
}

describe('the sockets of a listener', () => {
  test('are those that its generated type tells, however the message is made', () => {
    fc.assert(
      fc.property(listener, (init) => {
        const message = toBinary(ListenerSchema, create(ListenerSchema, init as Init));
        expect(bindingsOf(wrap(message))).toEqual(expected(init as Init));
      }),
      RUNS,
    );
  });

  test('of bytes that are no listener are an error of their own, or none, and never another fault', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          bindingsOf(wrap(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      RUNS,
    );
  });

  test('of a listener in another network namespace are none of this one', () => {
    const text = (field: number, value: string) => [field * 8 + 2, value.length, ...Buffer.from(value)];
    const inside = (field: number, bytes: number[]) => [field * 8 + 2, bytes.length, ...bytes];
    const socketAddress = [...text(2, '127.0.0.1'), 3 * 8, 80];
    const at = (bytes: number[]) => wrap(Uint8Array.from(inside(2, inside(1, bytes))));
    expect(bindingsOf(at(socketAddress))).toHaveLength(1);
    expect(bindingsOf(at([...socketAddress, ...text(7, '/run/netns/a')]))).toEqual([]);
  });
});
