import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/lib/json.ts';
import { describeViolations } from '../../../../src/lib/violations.ts';
import { dataplaneType } from '../../../../src/model/resources/dataplane.ts';

const tags = { 'kuma.io/service': 'a' };
const address = '10.0.0.1';
const refusal = (networking: JsonObject) =>
  describeViolations(dataplaneType.parse({ networking }).violations);
const inbound = (entry: JsonObject) => refusal({ address, inbound: [{ port: 80, tags, ...entry }] });
const outbound = (entry: JsonObject) => refusal({ address, outbound: [{ port: 80, tags, ...entry }] });

test.each([
  ['10.0.0.1', ''],
  ['fd00::1', ''],
  ['vm-1.example.com', ''],
  ['', "networking.address: address can't be empty"],
  [null, "networking.address: address can't be empty"],
  ['0.0.0.0', 'networking.address: must not be 0.0.0.0 or ::'],
  ['::', 'networking.address: must not be 0.0.0.0 or ::'],
  ['10.0.0.256', 'networking.address: address has to be valid IP address or domain name'],
  ['a b', 'networking.address: address has to be valid IP address or domain name'],
  [5, 'networking.address: must be a string, got the number 5: write it in quotes'],
])('the address %j is answered with "%s"', (given, message) => {
  expect(refusal({ address: given })).toBe(message);
});

describe('an inbound', () => {
  test.each<[JsonObject, string]>([
    [{}, ''],
    [{ port: '8080' }, ''],
    [{ port: 0 }, 'networking.inbound[0].port: port must be in the range [1, 65535]'],
    [{ port: 70000 }, 'networking.inbound[0].port: port must be in the range [1, 65535]'],
    [{ port: 1.5 }, 'networking.inbound[0].port: must be a whole number, got the number 1.5'],
    [{ port: 'http' }, 'networking.inbound[0].port: must be a whole number, got the text "http"'],
    [{ servicePort: 70000 }, 'networking.inbound[0].servicePort: port must be in the range [1, 65535]'],
    [{ address: 'host' }, 'networking.inbound[0].address: address has to be valid IP address'],
    [{ address: '0.0.0.0' }, 'networking.inbound[0].address: must not be 0.0.0.0 or ::'],
    [{ serviceAddress: 'host' }, 'networking.inbound[0].serviceAddress: address has to be valid IP address'],
    [
      { serviceAddress: address },
      'networking.inbound[0].serviceAddress: serviceAddress and servicePort has to differ from address and port',
    ],
    [
      { address: '127.0.0.1', servicePort: 80 },
      'networking.inbound[0].serviceAddress: serviceAddress and servicePort has to differ from address and port',
    ],
    [{ serviceAddress: address, servicePort: 81 }, ''],
    [{ state: 'NotReady' }, ''],
    [
      { state: 'Gone' },
      'networking.inbound[0].state: must be one of Ready, NotReady, Ignored, got the text "Gone"',
    ],
    [
      { serviceProbe: { interval: '1 second' } },
      'networking.inbound[0].serviceProbe.interval: must be a duration such as 500ms, 10s or 1h30m, got the text "1 second"',
    ],
    [{ tags: { app: 'x' } }, 'networking.inbound[0].tags["kuma.io/service"]: tag has to exist'],
    [{ tags: { ...tags, v: '' } }, 'networking.inbound[0].tags["v"]: tag value cannot be empty'],
    [
      { tags: { ...tags, v: 'a b' } },
      'networking.inbound[0].tags["v"]: tag value must consist of alphanumeric characters, dots, dashes and underscores',
    ],
    [
      { tags: { 'kuma.io/service': '*' } },
      'networking.inbound[0].tags["kuma.io/service"]: tag value must consist of alphanumeric characters, dots, dashes and underscores',
    ],
    [
      { tags: { ...tags, 'kuma.io/protocol': 'htp' } },
      'networking.inbound[0].tags["kuma.io/protocol"]: has an invalid value "htp". Allowed values: grpc, http, http2, kafka, tcp',
    ],
    [{ tags: 'a' }, 'networking.inbound[0].tags: must be an object, got the text "a"'],
  ])('%j is answered with "%s"', (entry, message) => {
    expect(inbound(entry)).toBe(message);
  });

  test('without any tag is accepted, as in 2.14, with a warning, and shown without tags', () => {
    const networking = { address, inbound: [{ port: 80 }, { port: 81, tags }] };
    const { spec, warnings } = dataplaneType.parse({ networking });
    expect(warnings).toEqual([
      'networking.inbound[0].tags: no tags, so no service has this inbound as its endpoint',
    ]);
    expect(spec && dataplaneType.toJson(spec)).toEqual({ networking });
  });

  test('that is ignored may share a listener with another', () => {
    const shared = [
      { port: 80, tags },
      { port: 80, tags, state: 'Ignored' },
    ];
    expect(dataplaneType.parse({ networking: { address, inbound: shared } }).warnings).toEqual([]);
  });
});

describe('an outbound', () => {
  const backendRef = { kind: 'MeshService', name: 'a', port: 80 };
  test.each<[JsonObject, string]>([
    [{}, ''],
    [{ port: 0 }, 'networking.outbound[0].port: port must be in the range [1, 65535]'],
    [{ address: 'x' }, 'networking.outbound[0].address: address has to be valid IP address'],
    [{ tags: null }, 'networking.outbound[0].tags: mandatory tag "kuma.io/service" is missing'],
    [{ tags: { a: 'b' } }, 'networking.outbound[0].tags: mandatory tag "kuma.io/service" is missing'],
    [{ backendRef }, 'networking.outbound[0]: tags and backendRef cannot be defined at the same time'],
    [{ tags: null, backendRef }, ''],
    [
      { tags: null, backendRef: { kind: 'MeshService' } },
      "networking.outbound[0].backendRef: either 'name' or 'labels' should be specified",
    ],
    [
      { tags: null, backendRef: { ...backendRef, kind: 'Service' } },
      'networking.outbound[0].backendRef.kind: must be one of MeshService, MeshExternalService, MeshMultiZoneService',
    ],
  ])('%j is answered with "%s"', (entry, message) => {
    expect(outbound(entry)).toBe(message);
  });
});

test('a delegated gateway has a service and no inbound', () => {
  expect(refusal({ address, gateway: { tags } })).toBe('');
  expect(refusal({ address, gateway: { tags: {} }, inbound: [{ port: 1, tags }] })).toBe(
    'networking.inbound: inbound cannot be defined for delegated gateways; ' +
      'networking.gateway.tags["kuma.io/service"]: tag has to exist',
  );
});

test('the admin port must not be that of a listener on the loopback address', () => {
  const local = { port: 9901, tags };
  expect(refusal({ address, inbound: [local], admin: { port: 9901 } })).toBe('');
  expect(
    refusal({ address: '127.0.0.1', inbound: [{ ...local, servicePort: 1 }], admin: { port: 9901 } }),
  ).toBe('networking.admin.port: must differ from inbound');
  expect(refusal({ address, outbound: [local], admin: { port: 9901 } })).toBe(
    'networking.admin.port: must differ from outbound',
  );
});

test('parts without effect, shared listeners and unknown fields are warned of', () => {
  const { violations, warnings } = dataplaneType.parse({
    networking: {
      address: '127.0.0.1',
      advertisedAddress: 'a b',
      inbound: [{ port: 80, servicePort: 81, tags, serviceProbe: { tcp: {} } }],
      outbound: [{ port: 80, tags, app: 'bookinfo' }],
      transparentProxying: { redirectPortInbound: 15006 },
    },
    metrics: { type: 'prometheus' },
    spec: {},
  });
  expect(violations).toEqual([]);
  expect(warnings).toEqual([
    'networking.outbound[0].app: unknown field, ignored',
    'spec: unknown field, ignored',
    'networking.advertisedAddress: "a b" is no IP address and no domain name: peers cannot dial it',
    'networking.inbound[0].serviceProbe: no effect yet',
    'networking.outbound[0]: listens on 127.0.0.1:80 like networking.inbound[0]: only one of them can',
    'networking.transparentProxying: no effect yet',
    'metrics: no effect yet',
  ]);
});

test('defaults and empties are left out, "not ready" is not', () => {
  const entry = { port: 80, servicePort: 0, name: '', state: 'Ready', health: { ready: false }, tags };
  expect(dataplaneType.parse({ networking: { address, inbound: [entry], outbound: [] } }).spec).toEqual({
    networking: { address, inbound: [{ port: 80, health: { ready: false }, tags }] },
  });
});
