import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/lib/json.ts';
import { translateDataplane } from '../../../../src/model/dialect/dataplane.ts';

const dataplane = (networking: JsonObject): JsonObject => ({
  type: 'Dataplane',
  mesh: 'm',
  name: 'a',
  networking,
});
const translate = (networking: JsonObject) => {
  const { body, violations, warnings } = translateDataplane(dataplane(networking));
  return { networking: body.networking, violations, warnings };
};
const service = { service: 'a' };
const today = { 'kuma.io/service': 'a' };

test('a Dataplane of today comes back itself', () => {
  const body = dataplane({
    address: '10.0.0.1',
    inbound: [{ port: 1, tags: today }],
    outbound: [{ port: 2, tags: { 'kuma.io/service': 'b' } }],
  });
  expect(translateDataplane(body).body).toBe(body);
});

describe('inbounds', () => {
  test('with different addresses keep them, the first is the address of the proxy', () => {
    const { networking } = translate({
      inbound: [
        { interface: '10.0.0.1:1:2', tags: service },
        { interface: '10.0.0.2:3:4', tags: service },
      ],
    });
    expect(networking).toEqual({
      address: '10.0.0.1',
      inbound: [
        { port: 1, servicePort: 2, tags: today },
        { address: '10.0.0.2', port: 3, servicePort: 4, tags: today },
      ],
    });
  });

  test('keep the address that the Dataplane gives itself', () => {
    const { networking } = translate({
      address: '10.0.0.9',
      inbound: [{ interface: '10.0.0.1:1:2', tags: service }],
    });
    expect(networking).toMatchObject({ address: '10.0.0.9', inbound: [{ address: '10.0.0.1', port: 1 }] });
  });

  test.each(['port', 'servicePort', 'address', 'serviceAddress'])(
    'that mix interface with %s are refused',
    (field) => {
      const { violations } = translate({
        inbound: [{ interface: '10.0.0.1:1:2', [field]: 80, tags: service }],
      });
      expect(violations).toEqual([
        {
          field: 'networking.inbound[0]',
          message: `"interface" cannot be mixed with "${field}" in one entry`,
        },
      ]);
    },
  );

  test('that listen where the service listens are refused, the same port on another address is fine', () => {
    expect(translate({ inbound: [{ interface: '127.0.0.1:80:80', tags: service }] }).violations).toEqual([
      {
        field: 'networking.inbound[0].interface',
        message:
          'the proxy and the service would both listen on 127.0.0.1:80: give the proxy another port or address',
      },
    ]);
    expect(translate({ inbound: [{ interface: '10.0.0.1:80:80', tags: service }] }).violations).toEqual([]);
  });

  test.each([undefined, null, {}])('without tags (%j) are refused', (tags) => {
    const entry = { interface: '10.0.0.1:1:2', ...(tags === undefined ? {} : { tags }) };
    expect(translate({ inbound: [entry] }).violations).toEqual([
      { field: 'networking.inbound[0].tags["kuma.io/service"]', message: 'tag has to exist' },
    ]);
  });

  test('have to exist when only old outbounds are given', () => {
    expect(translate({ outbound: [{ interface: ':1', service: 'b' }] }).violations).toEqual([
      { field: 'networking.inbound', message: 'has to contain at least one inbound interface' },
    ]);
  });
});

describe('outbounds', () => {
  const outbound = (entry: JsonObject) => {
    const { networking, violations, warnings } = translate({ address: '10.0.0.1', outbound: [entry] });
    const list = (networking as { outbound: JsonObject[] }).outbound;
    return { entry: list[0], violations, warnings };
  };

  test('name their service by a tag', () => {
    expect(outbound({ interface: ':10', service: 'b' }).entry).toEqual({
      port: 10,
      tags: { 'kuma.io/service': 'b' },
    });
  });

  test('of the years between, with port and service, are read too', () => {
    expect(outbound({ port: 10, service: 'b' }).entry).toEqual({
      port: 10,
      tags: { 'kuma.io/service': 'b' },
    });
    expect(outbound({ port: 10, tags: { service: 'b', version: 'v1' } }).entry).toEqual({
      port: 10,
      tags: { 'kuma.io/service': 'b', version: 'v1' },
    });
  });

  test('lose servicePort with a warning', () => {
    const { entry, warnings } = outbound({ interface: ':10', service: 'b', servicePort: 80 });
    expect(entry).toEqual({ port: 10, tags: { 'kuma.io/service': 'b' } });
    expect(warnings).toEqual([
      'networking.outbound[0].servicePort: ignored: an outbound names its service by tags only',
    ]);
  });

  test.each<[JsonObject, string, string]>([
    [{ interface: ':10' }, 'networking.outbound[0].service', 'cannot be empty'],
    [{ interface: ':10', service: '' }, 'networking.outbound[0].service', 'cannot be empty'],
    [
      { interface: ':10', service: 5 },
      'networking.outbound[0].service',
      'must be a string, got the number 5',
    ],
    [
      { interface: 10202, service: 'b' },
      'networking.outbound[0].interface',
      'must be a string, got the number 10202',
    ],
    [
      { interface: ':10', port: 10, service: 'b' },
      'networking.outbound[0]',
      '"interface" cannot be mixed with "port" in one entry',
    ],
    [
      { interface: ':10', service: 'b', tags: { 'kuma.io/service': 'c' } },
      'networking.outbound[0].service',
      'names another destination than tags or backendRef: keep one of them',
    ],
  ])('%j is refused', (entry, field, message) => {
    expect(outbound(entry).violations).toEqual([{ field, message }]);
  });
});

test('tags of a gateway are translated', () => {
  expect(translate({ address: '10.0.0.1', gateway: { tags: service } }).networking).toMatchObject({
    gateway: { tags: today },
  });
});
